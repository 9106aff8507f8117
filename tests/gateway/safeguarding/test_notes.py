"""Six answers, sealed to a key that no node has; and the folder in which they wait."""

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from joserfc.jwk import ECKey, OctKey
from structlog.testing import capture_logs

from certs.envelope import FileKek
from certs.jwk import new_es256_key, public_part
from gateway.safeguarding.notes import (
    LONGEST,
    Answers,
    DamagedNoteError,
    Note,
    NoteKeyError,
    NotKeptError,
    Opener,
    Recipient,
    WrongAnswerError,
    answers_from_bytes,
    answers_to_bytes,
    new_note_key,
    note_id_of,
    read_answers,
    seal,
    showable,
)
from gateway.safeguarding.spool import KeptNote, Spool
from gateway.settings import EmergencySettings, SettingsError

TYPED = {
    "children": "Zelda Quixotic, born 3 May 2019, at her aunt's",
    "destination": "Children's social care, spoke to Ms Vantongeren",
    "feared": 'Bruises on both arms.\r\nShe said: "not at home" — fact.',
    "immediate_danger": "yes",
    "why_without_agreement": "Asking would put her at more risk",
    "caller_number": "020 7946 0999",
}
AT = datetime(2026, 11, 28, 22, 7, 9, 123456, tzinfo=UTC)


def answers(**changed: str) -> Answers:
    return read_answers({**TYPED, **changed})


def note(**changed: str) -> Note:
    return Note(uuid4(), uuid4(), AT, answers(**changed))


@pytest.fixture(scope="module")
def pair() -> tuple[Recipient, Opener]:
    private, public = new_note_key()
    return Recipient(ECKey.import_key(dict(public))), Opener(ECKey.import_key(dict(private)))


def kept(sealed: bytes = b"x.y.z") -> KeptNote:
    return KeptNote(uuid4(), uuid4(), AT, sealed)


def test_what_is_sealed_comes_back(pair: tuple[Recipient, Opener]) -> None:
    recipient, opener = pair
    written = note()
    assert written == opener.open(seal(written, recipient))
    assert 'Bruises on both arms.\nShe said: "not at home" — fact.' == written.answers.feared
    assert written.answers == answers_from_bytes(answers_to_bytes(written.answers))


def test_the_longest_answers_in_any_script_can_be_sealed(pair: tuple[Recipient, Opener]) -> None:
    """What the form lets through must never fail later: four bytes a character are the most there are."""
    recipient, opener = pair
    longest = {name: "\N{CUNEIFORM SIGN A}" * most for name, most in LONGEST.items()}
    longest["caller_number"] = "0" * LONGEST["caller_number"]
    escaped = {name: '"' * LONGEST[name] for name in LONGEST if name != "caller_number"}
    for typed in (longest, escaped):
        written = note(**typed)
        assert written == opener.open(seal(written, recipient))


def test_nothing_of_what_was_typed_stands_in_the_file(pair: tuple[Recipient, Opener], tmp_path: Path) -> None:
    recipient, _ = pair
    written = note()
    Spool(tmp_path).keep(
        KeptNote(written.note_id, written.staff_id, written.typed_at, seal(written, recipient))
    )
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    words = set(re.findall(r"\w{4,}", " ".join(TYPED.values())))
    assert len(words) > 15
    assert [] == [word for word in words if word.encode() in data]


def test_no_key_of_a_node_opens_it(pair: tuple[Recipient, Opener], tmp_path: Path) -> None:
    """The public half, another pair's private half, a signing key; and the symmetric keys that a node has."""
    recipient, _ = pair
    sealed = seal(note(), recipient)
    kek = FileKek.create(tmp_path / "kek")
    others = [recipient.key, ECKey.import_key(dict(new_note_key()[0])), ECKey.generate_key("P-256")]
    for key in others:
        with pytest.raises(DamagedNoteError):
            Opener(key).open(sealed)
    for octets in (kek.key, kek.derive(b"x")):
        with pytest.raises(DamagedNoteError):
            Opener(OctKey.import_key(octets)).open(sealed)  # type: ignore[arg-type]


def test_a_changed_note_does_not_open(pair: tuple[Recipient, Opener]) -> None:
    recipient, opener = pair
    sealed = seal(note(), recipient)
    for place in range(len(sealed) - 2):
        if (
            b"." in sealed[place : place + 2]
        ):  # the last letter of a part may have bits that stand for nothing
            continue
        other = b"A" if sealed[place : place + 1] != b"A" else b"B"
        with pytest.raises(DamagedNoteError):
            opener.open(sealed[:place] + other + sealed[place + 1 :])


@pytest.mark.parametrize("sealed", [b"", b"....", b"\xff", b"{}", b"a.b.c.d.e"])
def test_what_is_no_note_does_not_open(pair: tuple[Recipient, Opener], sealed: bytes) -> None:
    with pytest.raises(DamagedNoteError):
        pair[1].open(sealed)


WRONG = {
    "missing": ("", None),
    "blank": (" \n\t ", None),
    "too long": ("x" * 5001, None),
    "a null byte": ("Zelda\x00Quixotic", "Zelda\ufffdQuixotic"),
    "a control character": ("Zelda\x1bQuixotic", "Zelda\ufffdQuixotic"),
    "half a character": ("Zelda\ud800Quixotic", "Zelda\ufffdQuixotic"),
    "what was unreadable": ("Zelda\ufffdQuixotic", "Zelda\ufffdQuixotic"),
    "what turns the direction": ("Zelda\u202eQuixotic", "Zelda\ufffdQuixotic"),
}


@pytest.mark.parametrize("name", LONGEST)
@pytest.mark.parametrize(("typed", "shown"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_named_and_shown_again(name: str, typed: str, shown: str | None) -> None:
    with pytest.raises(WrongAnswerError) as caught:
        answers(**{name: typed})
    assert name == caught.value.field
    assert "Zelda" not in caught.value.sentence + str(caught.value)
    assert showable(typed) == (typed.strip() if shown is None else shown)


@pytest.mark.parametrize("danger", ["", "maybe", "Yes", "\x00"])
def test_danger_is_yes_or_no(danger: str) -> None:
    with pytest.raises(WrongAnswerError) as caught:
        answers(immediate_danger=danger)
    assert "immediate_danger" == caught.value.field


@pytest.mark.parametrize("number", ["ask ada", "99", "call me: 12"])
def test_a_number_has_digits(number: str) -> None:
    with pytest.raises(WrongAnswerError, match="caller_number"):
        answers(caller_number=number)


@pytest.mark.parametrize("text", ["José 👩‍👧 שלום", "tab\there", "x" * 5000, "Zoë\nof 2"])
def test_what_people_write_is_kept_as_it_is(text: str) -> None:
    """A name in another script, or a joined picture, is no reason to refuse a note."""
    assert text == answers(feared=text).feared


def test_the_same_form_is_the_same_note_and_nothing_typed_is_lost() -> None:
    form = uuid4()
    assert note_id_of(form, answers()) == note_id_of(form, answers(children=f"  {TYPED['children']}\r\n"))
    others = {note_id_of(form, answers(children="Somebody else")), note_id_of(uuid4(), answers())}
    assert 3 == len(others | {note_id_of(form, answers())})


def test_a_note_is_whole_on_disk_and_its_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and folder are synced before ``keep`` returns: an answer "it is kept" outlives the power."""
    synced: list[bool] = []
    real = os.fsync

    def watch(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    spool, one = Spool(tmp_path), kept()
    spool.keep(one)
    assert [False, True] == synced
    (file,) = tmp_path.iterdir()
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert [one.note_id] == list(spool.waiting())
    assert one == spool.read(one.note_id)


def test_a_note_that_is_there_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the second answer, too, is given only when the first one's name is on disk."""
    spool, one = Spool(tmp_path), kept()
    spool.keep(one)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    spool.keep(replace(one, sealed=b"other"))
    assert one == spool.read(one.note_id)
    assert 1 == len(list(tmp_path.iterdir()))
    assert 2 == len(synced)  # the draft that lost, and the folder


def test_a_file_of_another_name_or_content_is_no_note(tmp_path: Path) -> None:
    spool, one = Spool(tmp_path), kept()
    spool.keep(one)
    (tmp_path / "stray.note").write_text("x")
    (tmp_path / ".half.note.123").write_text("x")
    with capture_logs() as logs:
        assert [one.note_id] == list(spool.waiting())
    assert ["emergency.stray_file"] == [line["event"] for line in logs]
    file = tmp_path / f"{one.note_id}.note"
    good = json.loads(file.read_text())
    other = str(UUID(int=7))
    for bad in ("", "[]", "null", "{}", json.dumps({**good, "note": other}), json.dumps({**good, "sealed": "x" * 200_000}),
                json.dumps({**good, "staff": None}), json.dumps({**good, "typed_at": "soon"}),
                json.dumps({**good, "sealed": "é"}), json.dumps({**good, "format": 2})):  # fmt: skip
        file.write_text(bad)
        with pytest.raises(DamagedNoteError):
            spool.read(one.note_id)
    file.unlink()
    assert spool.read(one.note_id) is None
    spool.forget(one.note_id)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few pages."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(  # noqa: S603 - our own words
        ["/usr/bin/env", "mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("NO FILE SYSTEM CAN BE MOUNTED HERE, SO NO FULL DISK IS TRIED")
    try:
        yield place
    finally:
        subprocess.run(["/usr/bin/env", "umount", str(place)], check=True)  # noqa: S603 - our own words


def refused(spool: Spool) -> int | None:
    """What the log says of a note that was not kept: a number of the system's, and nothing of the note."""
    with capture_logs() as logs, pytest.raises(NotKeptError) as caught:
        spool.keep(kept(b"CANARY" * 100))
    ((event, number),) = [(line["event"], line["number"]) for line in logs]
    assert "emergency.not_kept" == event
    assert "CANARY" not in repr(logs) + repr(caught.value)
    return int(number)


def test_a_full_disk_keeps_nothing_and_says_so(tiny: Path) -> None:
    spool = Spool(tiny)
    with pytest.raises(OSError, match="No space"), (tiny / "filler").open("wb") as file:
        file.write(b"x" * 1_000_000)
        file.flush()
    assert 28 == refused(spool)
    assert ["filler"] == [path.name for path in tiny.iterdir()]
    (tiny / "filler").unlink()
    spool.keep(kept())


def test_a_disk_that_cannot_be_written_keeps_nothing_and_says_so(tiny: Path) -> None:
    subprocess.run(["/usr/bin/env", "mount", "-o", "remount,ro", str(tiny)], check=True)  # noqa: S603 - our own words
    assert 30 == refused(Spool(tiny))


def test_a_folder_that_is_none_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert 20 == refused(Spool(tmp_path / "file"))
    assert 2 == refused(Spool(tmp_path / "gone"))


def recipient_of(path: Path) -> Recipient | None:
    return Recipient.load(EmergencySettings(key_file=path))


def test_a_node_takes_the_public_half_alone(tmp_path: Path) -> None:
    """A private half on the node would open every note that was ever written there."""
    private, public = new_note_key()
    (tmp_path / "public").write_text(json.dumps(public))
    (tmp_path / "private").write_text(json.dumps(private))
    assert Recipient.load(EmergencySettings()) is None
    found = recipient_of(tmp_path / "public")
    assert found is not None
    opener = Opener.load(tmp_path / "private")
    written = note()
    assert written == opener.open(seal(written, found))
    with pytest.raises(SettingsError, match="private"):
        recipient_of(tmp_path / "private")
    with pytest.raises(NoteKeyError, match="opens nothing"):
        Opener.load(tmp_path / "public")


WRONG_KEYS = {
    "empty": "",
    "no key": "{}",
    "a list": "[]",
    "another curve": json.dumps(ECKey.generate_key("P-384", private=False).as_dict(private=False)),
    "off its curve": json.dumps({**new_note_key()[1], "y": new_note_key()[1]["y"]}),
    "symmetric": json.dumps({"kty": "oct", "k": "AAAA"}),
    "for signatures": json.dumps(public_part(new_es256_key())),
}


@pytest.mark.parametrize("content", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_what_is_no_such_key_stops_the_start(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(SettingsError, match="GATEWAY_EMERGENCY_KEY_FILE") as caught:
        recipient_of(tmp_path / "key")
    assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError):
        recipient_of(tmp_path / "gone")


def test_the_answers_are_six() -> None:
    assert 6 == len(asdict(answers()))
