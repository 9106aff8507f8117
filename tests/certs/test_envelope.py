"""What is sealed opens for the right key and the right row, and for nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.envelope import KEY_BYTES, FileKek, combine, new_key, seal, unseal
from certs.errors import EnvelopeError, KeyFileError

KEYS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


@given(key=KEYS, plaintext=st.binary(max_size=2048), aad=st.binary(max_size=64))
def test_a_sealed_value_opens_to_itself(key: bytes, plaintext: bytes, aad: bytes) -> None:
    assert plaintext == unseal(key, seal(key, plaintext, aad=aad), aad=aad)


@given(plaintext=st.binary(min_size=16, max_size=64))
def test_sealing_twice_gives_two_values_and_shows_no_plaintext(plaintext: bytes) -> None:
    """Equal values must not look equal at rest, or rows of two families could be joined."""
    key = new_key()
    first, second = seal(key, plaintext, aad=b""), seal(key, plaintext, aad=b"")
    assert first != second
    assert plaintext not in first


@given(aad=st.binary(max_size=32), other=st.binary(max_size=32))
def test_a_value_moved_to_another_row_does_not_open(aad: bytes, other: bytes) -> None:
    """Whoever can write rows must not be able to show one child's data as another's."""
    key = new_key()
    sealed = seal(key, b"x", aad=aad)
    if aad == other:
        other += b"!"
    with pytest.raises(EnvelopeError):
        unseal(key, sealed, aad=other)


def test_another_key_does_not_open() -> None:
    sealed = seal(new_key(), b"x", aad=b"row")
    with pytest.raises(EnvelopeError):
        unseal(new_key(), sealed, aad=b"row")


@given(place=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_one_flipped_bit_anywhere_does_not_open(place: int, bit: int) -> None:
    key = new_key()
    sealed = bytearray(seal(key, b"some text to change", aad=b"row"))
    sealed[place % len(sealed)] ^= 1 << bit
    with pytest.raises(EnvelopeError):
        unseal(key, bytes(sealed), aad=b"row")


def test_every_truncation_does_not_open() -> None:
    """Short reads must fail like any damage, not with an error of the cipher library."""
    key = new_key()
    sealed = seal(key, b"abc", aad=b"row")
    for length in range(len(sealed)):
        with pytest.raises(EnvelopeError):
            unseal(key, sealed[:length], aad=b"row")


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    """AES would take 16 and 24 bytes silently: a cut key must not become a weaker cipher."""
    with pytest.raises(EnvelopeError):
        seal(b"k" * length, b"x", aad=b"")
    with pytest.raises(EnvelopeError):
        unseal(b"k" * length, b"x" * 40, aad=b"")


@given(keys=st.lists(KEYS, min_size=1, max_size=5, unique=True), data=st.data())
def test_combined_key_does_not_depend_on_order_or_repetition(keys: list[bytes], data: st.DataObject) -> None:
    """An about-tag is a set of people; the same people must always find the same key."""
    shuffled = data.draw(st.permutations(keys))
    assert combine(keys) == combine([*shuffled, keys[0]])


@given(keys=st.lists(KEYS, min_size=2, max_size=5, unique=True), data=st.data())
def test_losing_any_one_key_loses_the_combination(keys: list[bytes], data: st.DataObject) -> None:
    """Erasing one person must make what is also about that person unreadable for good."""
    lost = data.draw(st.sampled_from(keys))
    remaining = [key for key in keys if key != lost]
    sealed = seal(combine(keys), b"about both", aad=b"row")
    for attempt in (combine(remaining), *remaining):
        with pytest.raises(EnvelopeError):
            unseal(attempt, sealed, aad=b"row")


def test_combination_of_one_key_is_not_that_key() -> None:
    """A person's own key seals nothing directly, so one use never opens another."""
    key = new_key()
    assert key != combine([key])


def test_combining_nothing_is_refused() -> None:
    """A key of no keys would be a constant that anybody can compute."""
    with pytest.raises(EnvelopeError):
        combine([])


def test_combining_matches_rfc_5869_with_our_label() -> None:
    """The derivation is fixed: another value would make everything sealed before unreadable."""
    expected = "f61b2f83c8b14d8dea473423447f8f66dec7d0a9b692edde9d817dbecb8eb630"
    assert expected == combine([b"\x02" * 32, b"\x01" * 32]).hex()


def test_a_wrapped_key_unwraps_only_in_its_row_and_epoch(tmp_path: Path) -> None:
    kek = FileKek.create(tmp_path / "kek")
    key = new_key()
    wrapped = kek.wrap(key, aad=b"family:1")
    assert key == kek.unwrap(wrapped, aad=b"family:1")
    with pytest.raises(EnvelopeError):
        kek.unwrap(wrapped, aad=b"family:2")
    with pytest.raises(EnvelopeError):
        replace(kek, epoch=2).unwrap(wrapped, aad=b"family:1")


def test_a_damaged_or_cut_wrapped_key_does_not_unwrap(tmp_path: Path) -> None:
    """A damaged row must answer with our error, which a release knows, and never with the cipher library's."""
    kek = FileKek.create(tmp_path / "kek")
    wrapped = kek.wrap(new_key(), aad=b"row")
    cut = [wrapped[:length] for length in range(len(wrapped))]
    flipped = [wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :] for at in range(len(wrapped))]
    for damaged in cut + flipped:
        with pytest.raises(EnvelopeError):
            kek.unwrap(damaged, aad=b"row")


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33])
def test_a_key_encryption_key_of_another_length_is_refused(length: int) -> None:
    """AES would take 16 and 24 bytes silently here too."""
    kek = FileKek(key=b"k" * length)
    with pytest.raises(EnvelopeError):
        kek.wrap(new_key(), aad=b"row")
    with pytest.raises(EnvelopeError):
        kek.unwrap(b"x" * 60, aad=b"row")


def test_a_combination_with_a_cut_key_is_refused() -> None:
    with pytest.raises(EnvelopeError):
        combine([new_key(), new_key()[:16]])


def test_three_keys_joined_are_wrapped_as_one(tmp_path: Path) -> None:
    kek = FileKek.create(tmp_path / "kek")
    material = new_key() + new_key() + new_key()
    assert material == kek.unwrap(kek.wrap(material, aad=b"row"), aad=b"row")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_part_of_a_key_is_not_wrapped(tmp_path: Path, length: int) -> None:
    kek = FileKek.create(tmp_path / "kek")
    with pytest.raises(EnvelopeError):
        kek.wrap(b"k" * length, aad=b"row")


def test_a_created_key_file_is_private_and_loads_again(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    created = FileKek.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [path] == list(tmp_path.iterdir())
    assert created == FileKek.load(path)


def test_a_key_file_says_its_epoch(tmp_path: Path) -> None:
    created = FileKek.create(tmp_path / "kek", epoch=7)
    assert created == FileKek.load(tmp_path / "kek")
    assert 7 == created.epoch


def test_digits_alone_are_a_key_of_the_first_epoch(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    path.write_text("ab" * 32)
    path.chmod(0o600)
    assert FileKek(b"\xab" * 32, epoch=1) == FileKek.load(path)


def test_creating_never_overwrites_a_key_file(tmp_path: Path) -> None:
    """A second start with `create` would otherwise erase every family for good."""
    path = tmp_path / "kek"
    created = FileKek.create(path)
    with pytest.raises(KeyFileError):
        FileKek.create(path)
    assert created == FileKek.load(path)
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (b"", 0o600),
        (b"00" * 31, 0o600),
        (b"00" * 33, 0o600),
        (b"zz" * 32, 0o600),
        (b"\xff" * 64, 0o600),
        (b":" + b"00" * 32, 0o600),
        (b"0:" + b"00" * 32, 0o600),
        (b"02:" + b"00" * 32, 0o600),
        (b"zz:" + b"00" * 32, 0o600),
        (b"4294967296:" + b"00" * 32, 0o600),
        (b"00" * 32, 0o604),
        (b"00" * 32, 0o620),
    ],
    ids=[
        *("empty", "short", "long", "not hex", "not ascii"),
        *("no epoch", "epoch 0", "padded epoch", "epoch in letters", "epoch too large"),
        *("others may read", "group may write"),
    ],
)
def test_a_wrong_key_file_is_refused_without_quoting_it(tmp_path: Path, content: bytes, mode: int) -> None:
    path = tmp_path / "kek"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(KeyFileError) as refused:
        FileKek.load(path)
    assert "zz" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_missing_key_file_is_a_key_file_error(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError):
        FileKek.load(tmp_path / "absent")


def test_a_key_does_not_show_in_its_repr(tmp_path: Path) -> None:
    """Reprs end in logs and tracebacks."""
    kek = FileKek.create(tmp_path / "kek")
    assert repr(kek) == "FileKek(epoch=1)"
