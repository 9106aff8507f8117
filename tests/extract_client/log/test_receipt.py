"""A receipt is evidence: it must hold against the one who gave it."""

import json
from typing import Any

import pytest

from extract_client.errors import ExtractClientError, NoteError, NotWitnessedError, ProofError
from extract_client.log.merkle import leaf_hash
from extract_client.log.opening import pack_opening, unpack_opening
from extract_client.log.policy import Policy
from extract_client.log.proof import LogProof
from extract_client.log.receipt import VerifiedReceipt, extract_hash, verify_receipt
from tests.extract_client.log.made import (
    EXTRACT,
    LOG,
    MINUTE,
    ORIGIN,
    POLICY,
    compact,
    entry_body,
    receipt,
    recipient_part,
)

WITNESSED = Policy.parse(POLICY)
LOG_ALONE = Policy.for_log(str(LOG.verifier))
WHOLE = receipt()
PROVED = VerifiedReceipt(
    index=5,
    size=9,
    minute=MINUTE,
    body=entry_body(compact(recipient_part())),
    recipient=recipient_part(),
    witnessed=("w",),
)


def _refuse(text: str, kind: type[ExtractClientError] = ProofError, **arguments: Any) -> None:
    with pytest.raises(kind):
        verify_receipt(text, **{"policy": WITNESSED, "origin": ORIGIN, **arguments})


def test_a_receipt_proves_what_it_opens() -> None:
    assert PROVED == verify_receipt(WHOLE, policy=WITNESSED, origin=ORIGIN)
    assert PROVED == verify_receipt(WHOLE, policy=WITNESSED, origin=ORIGIN, extract=EXTRACT)


@pytest.mark.parametrize("size", [1, 2, 9, 300])
def test_a_receipt_verifies_wherever_its_entry_lies(size: int) -> None:
    for index in {0, size // 2, size - 1}:
        proved = verify_receipt(receipt(size=size, index=index), policy=WITNESSED, origin=ORIGIN)
        assert (index, size) == (proved.index, proved.size)


def test_the_extract_may_be_written_in_any_way_and_carry_its_receipt() -> None:
    """Recipients store extracts as their systems do; what is said must be the same, not the bytes."""
    with_receipt = {"receipt": WHOLE, **EXTRACT}
    for extract in (
        compact(EXTRACT),
        compact(with_receipt),
        json.dumps(with_receipt, indent=2).encode(),
        json.dumps(dict(reversed(EXTRACT.items()))).encode(),
    ):
        assert PROVED == verify_receipt(WHOLE, policy=WITNESSED, origin=ORIGIN, extract=extract)
    assert extract_hash(EXTRACT) == extract_hash(with_receipt)


def test_every_single_character_changed_is_refused() -> None:
    for at, char in enumerate(WHOLE):
        for changed in (chr(ord(char) ^ 1), ""):
            _refuse(WHOLE[:at] + changed + WHOLE[at + 1 :], ExtractClientError)
    _refuse(WHOLE + "\n", ExtractClientError)
    _refuse(WHOLE * 2, ExtractClientError)


OTHER_EXTRACTS = {
    "another value": {**EXTRACT, "agency": "school"},
    "one member more": {**EXTRACT, "extra": "x"},
    "one member less": {"agency": "camhs"},
    "a fraction": {**EXTRACT, "number": 1.5},
    "nothing in it": {},
}


@pytest.mark.parametrize("extract", OTHER_EXTRACTS.values(), ids=OTHER_EXTRACTS.keys())
def test_another_extract_is_refused(extract: dict[str, Any]) -> None:
    _refuse(WHOLE, extract=extract)
    _refuse(WHOLE, extract=json.dumps(extract).encode())


UNREADABLE = {
    "not JSON": b"extract",
    "not an object": b"[]",
    "not UTF-8": b'{"agency":"\xff"}',
    "UTF-16": json.dumps(EXTRACT).encode("utf-16"),
    "a member twice": compact(EXTRACT).replace(b'{"agency"', b'{"agency":"school","agency"'),
    "a member twice, deep down": compact(EXTRACT).replace(b'{"level"', b'{"level":"W","level"'),
    "a lone surrogate": b'{"agency":"\\ud800"}',
    "not a number": b'{"agency":NaN}',
    "very deep": b"[" * 100_000,
    "deep and whole": b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
}


@pytest.mark.parametrize("extract", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_extract_without_one_meaning_is_refused(extract: bytes) -> None:
    """Two readers that see two values must not both hold a receipt for them."""
    _refuse(WHOLE, extract=extract)


def test_a_receipt_that_is_not_witnessed_yet_is_told_apart() -> None:
    alone = receipt(cosigned=False)
    _refuse(alone, NotWitnessedError)
    assert () == verify_receipt(alone, policy=LOG_ALONE, origin=ORIGIN).witnessed


def test_a_receipt_of_another_log_is_refused() -> None:
    _refuse(WHOLE, NoteError, origin="gateway.example/log/2")
    elsewhere = entry_body(compact(recipient_part()), l="00000000")
    _refuse(receipt(body=elsewhere))


OTHER_BODIES = {
    "of another version": {"v": 2},
    "with another member": {"x": 1},
    "with a commitment to something else": {"c": "0" * 64},
    "with the time as text": {"t": str(MINUTE)},
    "with the time as a boolean": {"t": True},
}


@pytest.mark.parametrize("changes", OTHER_BODIES.values(), ids=OTHER_BODIES.keys())
def test_an_entry_that_was_really_logged_but_says_otherwise_is_refused(changes: dict[str, object]) -> None:
    """The log holds it, so signature and inclusion are good: only what it commits to is not."""
    _refuse(receipt(body=entry_body(compact(recipient_part()), **changes)))


def test_an_entry_that_was_logged_but_is_no_entry_is_refused() -> None:
    good = entry_body(compact(recipient_part()))
    for body in (
        b"x",
        b"[]",
        b"{}",
        good + b" ",
        good.replace(b":", b": "),
        good.replace(b'"v":1', b'"v":1.0'),
    ):
        _refuse(receipt(body=body))


@pytest.mark.parametrize(
    "part", [b"x", b"[]", b'"text"', b'{"b":1, "a":2}', b'{"b":1,"a":2}', b'{"a":1,"a":1}']
)
def test_a_recipient_part_that_was_committed_to_but_is_not_canonical_is_refused(part: bytes) -> None:
    """Else the log could commit to one text and show two meanings."""
    _refuse(receipt(recipient=part))


def test_a_recipient_part_that_names_no_extract_proves_none() -> None:
    text = receipt(recipient=b'{"purpose":"P1"}')
    assert {"purpose": "P1"} == verify_receipt(text, policy=WITNESSED, origin=ORIGIN).recipient
    _refuse(text, extract=EXTRACT)
    _refuse(receipt(recipient=b'{"extract_sha256":null}'), extract=EXTRACT)


def test_a_recipient_part_may_name_a_document_and_names_one_thing_only() -> None:
    named = extract_hash(EXTRACT)
    document = receipt(recipient=compact({"document_sha256": named}))
    assert verify_receipt(document, policy=WITNESSED, origin=ORIGIN, extract=EXTRACT)
    _refuse(document, extract={**EXTRACT, "agency": "health"})
    for other in (named, "0" * 64):
        _refuse(
            receipt(recipient=compact({"document_sha256": other, "extract_sha256": named})), extract=EXTRACT
        )


@pytest.mark.parametrize("kept", [0, 31, 64, 65, 66, 67, -1])
def test_an_opening_that_breaks_off_is_refused(kept: int) -> None:
    proof = LogProof.parse(WHOLE)
    _refuse(str(LogProof(proof.index, proof.hashes, proof.checkpoint, proof.extra[:kept])))


@pytest.mark.parametrize("rest", [b"", b"\x00", b"\x00\x00ab", b"\x00\x01a", b"\x00\x03ab"])
def test_an_opening_has_a_body_and_a_recipient_part(rest: bytes) -> None:
    with pytest.raises(ProofError):
        unpack_opening(bytes(64) + rest)


def test_an_opening_of_another_entry_of_the_log_is_refused() -> None:
    """The neighbour's proof with our opening: each part is good, together they prove nothing."""
    proof = LogProof.parse(WHOLE)
    moved = LogProof(4, (leaf_hash(PROVED.body), *proof.hashes[1:]), proof.checkpoint, proof.extra)
    _refuse(str(moved))


@pytest.mark.parametrize(("salt", "commitment"), [(31, 32), (32, 33)])
def test_an_opening_has_a_salt_and_a_commitment_of_32_bytes(salt: int, commitment: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        pack_opening(
            recipient_salt=bytes(salt), internal_commitment=bytes(commitment), body=b"x", recipient=b"x"
        )
