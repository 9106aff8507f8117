"""An appointed auditor with the ordinary tag key finds what a doctored statement dropped, changed or made up."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from extract_client.log.note import NoteSigner, read_key, sign_note
from gateway.cases.lookup import record_of
from gateway.cli import gateway
from gateway.database import open_engine
from gateway.disclosure_log import service as log
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.statement import parse_statement, statement_text
from gateway.recall.model import Answer
from gateway.rights.audit import check_statement
from gateway.wiring import Wiring
from tests.gateway.rights.scene import (
    ADA,
    MUM,
    REF,
    agreed,
    answer_all,
    file_of,
    lines_of,
    released,
    text_of,
    with_key,
    worker,
    world_of,
)
from tests.gateway.safeguarding.refer import refer
from tests.support.pages import Somebody
from tests.support.prepared import made_once
from tests.support.rooms import environment
from tests.support.throwaway import Database
from tests.support.world import World

Body = dict[str, Any]


def drop(body: Body) -> None:
    """Leave a line out, and number the others again, as somebody would who hides it."""
    del body["lines"][1]
    for number, line in enumerate(body["lines"], start=1):
        line["n"] = number


def soften(body: Body) -> None:
    body["lines"][1]["kinds"] = ["names"]


def invent(body: Body) -> None:
    body["lines"].append({**body["lines"][0], "entry": "0" * 64, "n": len(body["lines"]) + 1})


def renumber(body: Body) -> None:
    body["lines"][-1]["n"] += 1


def swap(body: Body) -> None:
    body["subject"] = "0" * 32


DOCTORED: Final[Sequence[tuple[Callable[[Body], None], str]]] = (
    (drop, "A line is missing"),
    (soften, "says something else"),
    (invent, "is of no entry"),
    (renumber, "not numbered"),
    (swap, "another person's"),
)


def prepare(wiring: Wiring) -> World:
    made = world_of(with_key(wiring, wiring.settings.kek_file.parent))
    made.give(REF, MUM)
    made.give(REF, ADA)
    released(made, "camhs")
    released(made, "refuge")
    return made


prepared, database, wiring, world = made_once(prepare)


@pytest.fixture
def ada(world: World) -> Somebody:
    return worker(world)


def findings(world: World, text_: str, person: str = MUM, *, tag_key: bytes | None = None) -> list[str]:
    with world.wiring.engine.connect() as connection:
        record = record_of(world.wiring, connection, world.family_id(REF), now=database_now(connection))
    return check_statement(world.wiring, record, world.person_id(REF, person), text_, tag_key=tag_key)


def doctored(world: World, note: bytes, change: Callable[[Body], None]) -> str:
    """A statement that was changed by whoever holds every key of the gateway, and put on record like any other."""
    body = json.loads(json.dumps(parse_statement(text_of(note))))
    change(body)
    made = statement_text(body)
    with log.act(world.wiring) as act:
        act.record(
            kind="statement.make",
            actor="ada",
            family_id=world.family_id(REF),
            internal={
                "person_id": str(world.person_id(REF, MUM)),
                "statement_sha256": hashlib.sha256(made.encode()).hexdigest(),
                "view": body["view"],
            },
        )
    return made


@pytest.mark.parametrize("aloud", [False, True])
@pytest.mark.parametrize("person", [MUM, ADA])
def test_an_honest_statement_is_what_the_log_has(
    world: World, ada: Somebody, person: str, *, aloud: bool
) -> None:
    agreed(world, ada)
    refer(world, ada)
    assert [] == findings(world, text_of(file_of(world, ada, person, aloud=aloud)), person)


def test_what_happened_after_it_was_made_is_not_missing(world: World, ada: Somebody) -> None:
    note = file_of(world, ada)
    world.withdraw(REF, MUM)
    answer_all(world, "camhs", Answer.DELETED)
    assert [] == findings(world, text_of(note))


@pytest.mark.parametrize(("change", "said"), DOCTORED)
def test_a_doctored_statement_is_found(
    world: World, ada: Somebody, change: Callable[[Body], None], said: str
) -> None:
    note = file_of(world, ada)
    (finding,) = findings(world, doctored(world, note, change))
    assert said in finding


def test_a_statement_that_nobody_recorded_is_found(world: World, ada: Somebody) -> None:
    body = dict(parse_statement(text_of(file_of(world, ada))))
    assert ["No entry says that this statement was made."] == findings(
        world, statement_text({**body, "council": "Elsewhere"})
    )


def test_an_entry_that_was_taken_off_the_gateways_maps_is_found_by_the_key(
    world: World, ada: Somebody, database: Database
) -> None:
    """The operator owns the maps; the log's public bodies are mirrored by partners."""
    engine = open_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(
            text("DELETE FROM gateway.log_trace WHERE extract_id IS NOT NULL AND agency_code = 'camhs'")
        )
    engine.dispose()
    assert 3 == 1 + len(lines_of(world, ada))
    (finding,) = findings(world, text_of(file_of(world, ada)))
    assert "which the gateway does not list" in finding


# ---- the commands -------------------------------------------------------------------------------------------


def run(world: World, *words: str) -> Result:
    settings = world.wiring.settings
    env = {**environment(world.wiring), "GATEWAY_STATEMENT_KEY_FILE": str(settings.statement_key_file)}
    return CliRunner().invoke(gateway, words, env=env)


def check(world: World, file: Path, *more: str) -> Result:
    return run(world, "rights", "check-statement", str(file), "--family", REF, "--person", MUM, *more)


def test_the_auditor_lists_with_the_file_and_compares(world: World, ada: Somebody, tmp_path: Path) -> None:
    held, file = tmp_path / "tag.key", tmp_path / "statement.txt"
    file.write_bytes(file_of(world, ada))
    made = run(world, "rights", "tag-key", REF, str(held))
    assert 0 == made.exit_code, made.output
    assert 0o600 == held.stat().st_mode & 0o777
    listed = run(world, "log", "of-family", "--tag-key", str(held)).output
    assert [line["entry"] for line in lines_of(world, ada) if line["entry"] not in listed] == []
    honest = check(world, file, "--tag-key", str(held))
    assert (0, "The statement is what the log has.\n") == (honest.exit_code, honest.output)

    key_file = world.wiring.settings.statement_key_file
    assert key_file is not None
    signer = NoteSigner(world.wiring.log.origin + "/statement", read_key(key_file))
    file.write_text(sign_note(doctored(world, file.read_bytes(), drop), [signer]))
    found = check(world, file, "--tag-key", str(held))
    assert 1 == found.exit_code
    assert "WRONG: A line is missing" in found.output


def test_the_ordinary_key_lists_nothing_that_is_restricted(
    world: World, ada: Somebody, tmp_path: Path
) -> None:
    held = tmp_path / "tag.key"
    run(world, "rights", "tag-key", REF, str(held))
    before = run(world, "log", "of-family", "--tag-key", str(held)).output
    with world.wiring.engine.connect() as connection:
        size = connection.execute(text("SELECT count(*) FROM gateway.log_entry")).scalar_one()
    sent = refer(world, ada)
    after = run(world, "log", "of-family", "--tag-key", str(held)).output
    with world.wiring.engine.connect() as connection:
        entry_id = connection.execute(
            text("SELECT entry_id FROM gateway.referral_document WHERE referral_id = :r"), {"r": sent.id}
        ).scalar_one()
        assert size < connection.execute(text("SELECT count(*) FROM gateway.log_entry")).scalar_one()
    assert after.startswith(before)
    assert hashlib.sha256(str(entry_id).encode()).hexdigest() not in after


def test_that_a_tag_key_left_is_on_record(world: World, tmp_path: Path) -> None:
    run(world, "rights", "tag-key", REF, str(tmp_path / "tag.key"))
    assert "statement.audit" in run(world, "log", "list").output
    assert 1 == run(world, "rights", "tag-key", REF, str(tmp_path / "tag.key")).exit_code
    assert 1 == run(world, "rights", "tag-key", "EH-9", str(tmp_path / "other.key")).exit_code


@pytest.mark.parametrize(
    "words",
    [
        ("--family", "EH-9", "--person", MUM),
        ("--family", REF, "--person", "EH-1-nobody"),
        ("--family", REF, "--person", MUM, "--tag-key", "nowhere"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence(
    world: World, ada: Somebody, tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "statement.txt"
    file.write_bytes(file_of(world, ada))
    result = run(world, "rights", "check-statement", str(file), *words)
    assert (1, 1) == (result.exit_code, len(result.output.splitlines()))


def test_a_statement_key_is_made_and_printed(tmp_path: Path) -> None:
    file = tmp_path / "statement.key"
    made = CliRunner().invoke(gateway, ["rights", "key", str(file), "--origin", "a.test/log/1"])
    assert made.output.startswith("a.test/log/1/statement+")
    assert 0o600 == file.stat().st_mode & 0o777
