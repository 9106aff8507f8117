"""Whoever may decide what is enough decides what is believed."""

import hashlib
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extract_client.errors import ConfigurationError, NoteError, NotWitnessedError, ProofError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.note import (
    COSIGNATURE,
    NoteSigner,
    VerifierKey,
    add_lines,
    cosignature_line,
    sign_note,
)
from extract_client.log.policy import Group, Policy, Witness

ORIGIN = "gateway.example/log/1"
HEAD = Checkpoint(ORIGIN, 9, hashlib.sha256(b"root").digest())
SEEN_AT = 1_790_000_000


def _key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def _witness(number: int) -> VerifierKey:
    return VerifierKey(f"w{number}.example", COSIGNATURE, _key(100 + number).public_key().public_bytes_raw())


LOG, NEXT = NoteSigner(ORIGIN, _key(1)), NoteSigner(ORIGIN, _key(2))
OTHER = NoteSigner("other.example/log", _key(3))
X1, X2, X3, Y1, Y2 = (_witness(number) for number in range(1, 6))

TEXT = f"""\
# the council's log
log {LOG.verifier}
\tlog  {OTHER.verifier}\thttps://other.example/log

witness X1 {X1} https://x1.example/
witness X2 {X2}
witness X3 {X3}
group X 2 X1 X2 X3
  # the family advocate and its deputy
witness Y1 {Y1}
witness Y2 {Y2}
group Y any Y1 Y2
group both all X Y
quorum both
"""
POLICY = Policy.parse(TEXT)


def _note(seen_by: Sequence[int] = (), *, signer: NoteSigner = LOG, time: int = SEEN_AT) -> str:
    lines = [
        cosignature_line(HEAD.text, name=f"w{number}.example", key=_key(100 + number), time=time + number)
        for number in seen_by
    ]
    return add_lines(sign_note(HEAD.text, [signer]), lines)


def test_a_policy_is_read() -> None:
    assert (LOG.verifier, OTHER.verifier) == POLICY.logs
    assert Witness("X1", X1, "https://x1.example/") == POLICY.witnesses["X1"]
    assert Witness("Y2", Y2) == POLICY.witnesses["Y2"]
    assert Group("X", 2, ("X1", "X2", "X3")) == POLICY.groups["X"]
    assert Group("Y", 1, ("Y1", "Y2")) == POLICY.groups["Y"]
    assert Group("both", 2, ("X", "Y")) == POLICY.groups["both"]
    assert "both" == POLICY.quorum
    assert POLICY.has_witnesses


@pytest.mark.parametrize(
    ("names", "met"),
    [
        (set(), False),
        ({"X1", "X2", "X3"}, False),
        ({"Y1", "Y2"}, False),
        ({"X1", "Y1"}, False),
        ({"X1", "X3", "Y2"}, True),
        ({"X1", "X2", "X3", "Y1", "Y2"}, True),
        ({"X", "Y"}, False),
        ({"both"}, False),
    ],
)
def test_the_quorum_counts_witnesses_and_never_their_groups(names: set[str], *, met: bool) -> None:
    assert met is POLICY.quorum_met(names)


def test_a_single_witness_can_be_the_quorum() -> None:
    policy = Policy.parse(f"witness X1 {X1}\nquorum X1\n")
    assert policy.quorum_met({"X1"})
    assert not policy.quorum_met({"X2"})


def test_the_policy_of_one_who_knows_the_log_s_keys() -> None:
    policy = Policy.for_log(str(LOG.verifier), str(NEXT.verifier))
    assert (LOG.verifier, NEXT.verifier) == policy.logs
    assert not policy.has_witnesses
    assert policy.quorum_met(())
    with pytest.raises(ConfigurationError, match="Line 1"):
        Policy.for_log("no key")


REFUSED = {
    "empty": ("", "no quorum"),
    "no quorum": (f"log {LOG.verifier}\n", "no quorum"),
    "two quorums": ("quorum none\nquorum none\n", "Line 2"),
    "unknown quorum": ("quorum X1\n", "Line 1"),
    "quorum before its witness": (f"quorum X1\nwitness X1 {X1}\n", "Line 1"),
    "unknown word": ("quorum none\nlogs x\n", "Line 2"),
    "comment behind a line": ("quorum none # all\n", "Line 1"),
    "carriage returns": ("quorum none\r\n", "Line 1"),
    "control character in a comment": ("# \x00\nquorum none\n", "Line 1"),
    "no-break space": ("quorum\u00a0none\n", "Line 1"),
    "log without key": ("log\n", "Line 1"),
    "log with a witness's key": (f"log {X1}\n", "Line 1"),
    "witness with a log's key": (f"witness X1 {LOG.verifier}\n", "Line 1"),
    "witness without name": (f"witness {X1}\n", "Line 1"),
    "too many items": (f"witness X1 {X1} https://a https://b\n", "Line 1"),
    "malformed key": (f"witness X1 {X1}A\n", "Line 1"),
    "log twice": (f"log {LOG.verifier}\nlog {LOG.verifier}\n", "Line 2"),
    "one log's key under two names": (
        f"log {LOG.verifier}\nlog {NoteSigner('elsewhere.example', LOG.key).verifier}\n",
        "Line 2",
    ),
    "one witness's key under two names": (f"witness X1 {X1}\nwitness X2 {X1}\n", "Line 2"),
    "name taken by a witness": (f"witness X1 {X1}\nwitness X1 {X2}\n", "Line 2"),
    "name taken by a group": (f"witness X1 {X1}\ngroup X any X1\nwitness X {X2}\n", "Line 3"),
    "witness named none": (f"witness none {X1}\n", "Line 1"),
    "group named none": (f"witness X1 {X1}\ngroup none any X1\n", "Line 2"),
    "group of nobody": ("group X any\n", "Line 1"),
    "group with none in it": (f"witness X1 {X1}\ngroup X any X1 none\n", "Line 2"),
    "group of unknown": ("group X any X1\n", "Line 1"),
    "group of itself": (f"witness X1 {X1}\ngroup X any X1 X\n", "Line 2"),
    "member twice in one group": (f"witness X1 {X1}\ngroup X 2 X1 X1\n", "Line 2"),
    "member of two groups": (f"witness X1 {X1}\ngroup X any X1\ngroup Y any X1\n", "Line 3"),
    "threshold zero": (f"witness X1 {X1}\ngroup X 0 X1\n", "Line 2"),
    "threshold too high": (f"witness X1 {X1}\ngroup X 2 X1\n", "Line 2"),
    "threshold with a leading zero": (f"witness X1 {X1}\ngroup X 01 X1\n", "Line 2"),
    "threshold in words": (f"witness X1 {X1}\ngroup X most X1\n", "Line 2"),
}


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_policy_is_refused_and_the_line_named(text: str, line: str) -> None:
    with pytest.raises(ConfigurationError, match=line):
        Policy.parse(text)


def test_thirty_two_of_everything_is_read() -> None:
    """The least that every implementation supports."""
    lines = [f"log {NoteSigner(f'log{n}.example', _key(n)).verifier}" for n in range(32)]
    lines += [f"witness w{n} {_witness(n)}\ngroup g{n} all w{n}" for n in range(31)]
    lines += ["group all 16 " + " ".join(f"g{n}" for n in range(31)), "quorum all"]
    policy = Policy.parse("\n".join(lines))
    assert policy.quorum_met({f"w{n}" for n in range(16)})
    assert not policy.quorum_met({f"w{n}" for n in range(15)})


def test_a_checkpoint_that_meets_the_policy_is_returned_with_its_witnesses() -> None:
    checked = POLICY.check(_note((4, 1, 3)), origin=ORIGIN)
    assert HEAD == checked.checkpoint
    assert ("Y1", "X1", "X3") == checked.witnessed
    assert {"Y1": SEEN_AT + 4, "X1": SEEN_AT + 1, "X3": SEEN_AT + 3} == checked.times


def test_too_few_witnesses_are_told_apart_from_a_forgery() -> None:
    """A partner waits for the one and reports the other."""
    for seen_by in ((), (1, 2), (1, 2, 3), (4, 5), (1, 1, 4)):
        with pytest.raises(NotWitnessedError):
            POLICY.check(_note(seen_by), origin=ORIGIN)


def test_one_who_cosigned_twice_counts_once_at_the_later_time() -> None:
    later = cosignature_line(HEAD.text, name="w1.example", key=_key(101), time=SEEN_AT + 60)
    for note in (
        _note((1, 2, 4)) + later,
        sign_note(HEAD.text, [LOG]) + later + _note((1, 2, 4)).split("\n\n")[1],
    ):
        checked = POLICY.check(note, origin=ORIGIN)
        assert {"X1", "X2", "Y1"} == set(checked.witnessed)
        assert 3 == len(checked.witnessed)
        assert SEEN_AT + 60 == checked.times["X1"]


def test_witnesses_alone_are_not_the_log() -> None:
    stranger = NoteSigner(ORIGIN, _key(9))
    with pytest.raises(NoteError, match="log did not sign"):
        POLICY.check(_note((1, 2, 4), signer=stranger), origin=ORIGIN)


def test_a_log_of_the_policy_cannot_sign_for_another() -> None:
    """The origin is pinned twice: in the key's name and in what was signed."""
    policy = Policy.for_log(str(LOG.verifier), str(OTHER.verifier))
    with pytest.raises(NoteError):
        policy.check(sign_note(HEAD.text, [OTHER]), origin=ORIGIN)
    with pytest.raises(ProofError):
        policy.check(sign_note(HEAD.text, [OTHER]), origin=OTHER.name)
    with pytest.raises(NoteError):
        policy.check(_note(), origin="unknown.example")


def test_both_keys_of_a_rotation_are_good() -> None:
    """Old partners know the old key, new ones the new; during the overlap both sign."""
    note = sign_note(HEAD.text, [LOG, NEXT])
    for known in ([LOG], [NEXT], [LOG, NEXT]):
        policy = Policy.for_log(*(str(signer.verifier) for signer in known))
        assert HEAD == policy.check(note, origin=ORIGIN).checkpoint
