"""A family's statement says who got what of one person, and nothing that another, or a hidden entry, would show in."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from agencies.catalogue import FIELDS
from agencies.model import FieldName
from gateway.cases.model import Shield
from gateway.cases.service import erase_family
from gateway.consent.receipt_words import CATEGORY_WORDS, FIELD_WORDS, words_of_data
from gateway.consent.service import report
from gateway.database import open_engine
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.reading import of_family
from gateway.disclosure_log.service import Change, act
from gateway.recall.model import Answer, Ground
from gateway.recall.service import shield
from gateway.rights.model import mark_of
from gateway.safeguarding import following
from gateway.safeguarding.model import Exemption, Visibility
from gateway.staff.model import Belonging, Role
from gateway.strict_json import JsonValue
from gateway.wiring import Wiring
from tests.gateway.rights.scene import (
    ADA,
    BEN,
    DAD,
    MUM,
    REF,
    RISK,
    address,
    agreed,
    answer_all,
    body_of,
    file_of,
    lines_of,
    released,
    text_of,
    told_fields,
    with_key,
    worker,
    world_of,
)
from tests.gateway.safeguarding.refer import refer
from tests.support.pages import Somebody, words
from tests.support.prepared import made_once
from tests.support.throwaway import Database
from tests.support.world import World, item

CANARIES: Final = (
    "Mary",
    "Dadgiven",
    "Adagiven",
    "Bengiven",
    "Shelleyname",
    "Canary Road",
    "SE6",
    "E05013700",
    "Test Worker",
    "camhs-1",
    "Calmer mornings",
    "father",
    "risk",
    REF,
)
SECRET: Final = ("refuge", "Refuge")


def prepare(wiring: Wiring) -> World:
    return world_of(with_key(wiring, wiring.settings.kek_file.parent))


prepared, database, wiring, world = made_once(prepare)


@pytest.fixture
def ada(world: World) -> Somebody:
    return worker(world)


def give_all(world: World) -> None:
    for person in (MUM, DAD, ADA, BEN):
        world.give(REF, person)


def hold_visibility(world: World, referral_id: object, visibility: Visibility) -> None:
    """What the lead decides: whether a referral may be seen."""
    with world.wiring.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.referral SET visibility = :v, visible_until = CASE :v WHEN 'withhold'"
                " THEN date '2027-01-01' END WHERE referral_id = :r"
            ),
            {"v": visibility.value, "r": referral_id},
        )


# ---- what it tells ----------------------------------------------------------------------------------------


def test_a_release_is_a_line_with_who_when_what_for_and_why(world: World, ada: Somebody) -> None:
    world.give(REF, MUM)
    body = json.loads(released(world, "camhs"))
    line = lines_of(world, ada)[-1]
    day = world.today
    assert {
        "who": "The camhs",
        "on": f"{day.day} {day:%B %Y}",
        "what": "It got information about you.",
        "purposes": ["to talk about who can help"],
    } == {name: line[name] for name in ("who", "on", "what", "purposes")}
    assert body["basis"]["article6"] in line["basis"]
    assert "at the latest" in line["now"]


def test_the_kinds_of_information_are_those_of_the_extract_for_that_person_alone(
    world: World, ada: Somebody
) -> None:
    """The extract is the witness: what it tells of each person, read from its own bytes."""
    give_all(world)
    body = released(world, "camhs")
    for person in (MUM, DAD, ADA, BEN):
        codes = {
            FIELDS[FieldName(name)].category or name for name in told_fields(world, "camhs", body, person)
        }
        expected = sorted(words_of_data(str(code)) for code in codes)
        assert expected == sorted(lines_of(world, ada, person)[-1]["kinds"]), person
        assert expected, person


def test_who_was_not_in_an_extract_has_no_line_of_it(world: World, ada: Somebody) -> None:
    world.give(REF, MUM)
    released(world, "camhs")
    assert [] == lines_of(world, ada, BEN)
    assert [] == lines_of(world, ada, DAD)


def test_a_withdrawal_its_recalls_and_their_answers_are_lines(world: World, ada: Somebody) -> None:
    world.give(REF, MUM)
    released(world, "camhs")
    released(world, "charity")
    world.withdraw(REF, MUM)
    assert 1 == answer_all(world, "camhs", Answer.DELETED)
    assert 1 == answer_all(world, "charity", Answer.RETAINED, Ground.STATUTORY_DUTY)
    lines = lines_of(world, ada)
    assert [
        "A yes to sharing information about you was written down.",
        "It got information about you.",
        "It got information about you.",
        "Sharing information about you was stopped.",
        "It told us that it deleted what it had.",
        "It told us that it has to keep what it had. The reason is that a law tells it to.",
    ] == [line["what"] for line in lines]
    assert "The camhs; The charity" in lines[3]["now"]
    assert ["The camhs", "The charity"] == [line["who"] for line in lines[4:]]


def test_a_decision_says_for_whom_what_and_what_for(world: World, ada: Somebody) -> None:
    world.give(REF, MUM, agencies=["camhs", "charity"], categories=["health"], fields=[], purposes=["P1"])
    world.decide(REF, MUM, "hold")
    given, held = lines_of(world, ada)
    assert ("The camhs; The charity", ["health of body and mind"]) == (given["who"], given["kinds"])
    assert ("every service", ["all information"]) == (held["who"], held["kinds"])


def test_every_line_has_words_and_no_code(world: World, ada: Somebody) -> None:
    give_all(world)
    released(world, "camhs")
    told = {kind for line in lines_of(world, ada) for kind in line.get("kinds", [])}
    assert told <= {*CATEGORY_WORDS.values(), *FIELD_WORDS.values()}


def test_lines_are_numbered_without_a_gap_and_each_has_its_entry(world: World, ada: Somebody) -> None:
    give_all(world)
    for agency in ("camhs", "charity", "refuge"):
        released(world, agency)
    world.withdraw(REF, DAD)
    with world.wiring.engine.connect() as connection:
        rows = connection.execute(text("SELECT entry_id FROM gateway.log_entry")).scalars()
        known = {mark_of(entry_id) for entry_id in rows}
    for person in (MUM, DAD, ADA):
        assert "damaged" not in body_of(world, ada, person)
        for aloud in (False, True):
            lines = lines_of(world, ada, person, aloud=aloud)
            assert [*range(1, len(lines) + 1)] == [line["n"] for line in lines]
            assert {line["entry"] for line in lines} <= known
            assert len({line["entry"] for line in lines}) == len(lines) > 0


def test_the_paper_says_what_the_signed_text_says(world: World, ada: Somebody) -> None:
    world.give(REF, MUM)
    released(world, "camhs")
    page = words(ada.get(address(world)))
    for line in lines_of(world, ada):
        said = [line["who"], line["on"], line["what"], line["basis"], line["now"], line["entry"][:16]]
        assert [] == [each for each in [*said, *line["kinds"], *line["purposes"]] if each not in page]


def test_a_child_is_spoken_of_and_a_young_person_spoken_to(world: World, ada: Somebody) -> None:
    assert "Who saw what about your child" in ada.get(address(world, ADA))
    assert "Who saw what about you" in ada.get(address(world, MUM))


# ---- hidden entries -----------------------------------------------------------------------------------------


def test_referrals_that_are_pending_or_withheld_leave_no_trace(world: World, ada: Somebody) -> None:
    """Byte for byte, in both views and of everybody: with them and without, the paper and its file are the same."""
    give_all(world)
    released(world, "camhs")

    def everything() -> dict[tuple[str, str], bytes]:
        return {
            (person, more): ada.ask(f"{address(world, person)}?{more}").data
            for person in (MUM, DAD, ADA, BEN)
            for more in ("", "aloud", "print=large", "download", "aloud&download")
        }

    before = everything()
    refer(world, ada)
    refer(world, ada, emergency=False)
    withheld = agreed(world, ada)
    hold_visibility(world, withheld.id, Visibility.WITHHOLD)
    pending = agreed(world, ada)
    hold_visibility(world, pending.id, Visibility.PENDING)
    assert before == everything()


def test_a_hidden_entry_that_does_not_open_leaves_no_trace_either(
    world: World, ada: Somebody, database: Database
) -> None:
    """A sentence that something cannot be read would tell of a referral."""
    world.give(REF, ADA)
    before = file_of(world, ada, ADA)
    sent = refer(world, ada)
    with world.wiring.engine.connect() as connection:
        entry_id = connection.execute(
            text("SELECT entry_id FROM gateway.referral_document WHERE referral_id = :r"), {"r": sent.id}
        ).scalar_one()
    damage(database, entry_id)
    assert before == file_of(world, ada, ADA)


def test_an_ordinary_entry_that_does_not_open_is_said(
    world: World, ada: Somebody, database: Database
) -> None:
    world.give(REF, MUM)
    released(world, "camhs")
    with world.wiring.engine.connect() as connection:
        entry_id = connection.execute(
            text("SELECT entry_id FROM gateway.log_trace WHERE extract_id IS NOT NULL")
        ).scalar_one()
    damage(database, entry_id)
    assert body_of(world, ada)["damaged"] is True
    assert "cannot be read now" in ada.get(address(world))


def test_an_agreed_referral_that_may_be_shown_is_a_line_on_paper_and_not_aloud(
    world: World, ada: Somebody
) -> None:
    agreed(world, ada)
    (line,) = lines_of(world, ada, ADA)
    assert "Safeguarding hub" == line["who"]
    assert "names" in line["kinds"]
    assert [] == lines_of(world, ada, ADA, aloud=True)


def test_one_without_agreement_is_no_line_whatever_its_row_says(world: World, ada: Somebody) -> None:
    sent = refer(world, ada)
    hold_visibility(world, sent.id, Visibility.SHOW)
    assert [] == lines_of(world, ada, ADA)


def test_a_referral_that_is_hidden_from_a_colleague_is_hidden_on_their_papers(
    world: World, ada: Somebody
) -> None:
    manager = Somebody(
        world.wiring, Role.SAFEGUARDING_LEAD, username="ben", belonging=Belonging(team="north")
    )
    manager.post(f"/console/families/{world.family_id(REF)}/open", reason="safeguarding")
    agreed(world, ada, hidden_from=frozenset({"ben"}))
    assert 1 == len(lines_of(world, ada, ADA))
    assert [] == lines_of(world, manager, ADA)


def test_the_leads_decision_to_withhold_takes_an_agreed_one_off(world: World, ada: Somebody) -> None:
    before = file_of(world, ada, ADA)
    sent = agreed(world, ada)
    lead = Somebody(world.wiring, Role.SAFEGUARDING_LEAD, username="lena")
    assert before != file_of(world, ada, ADA)
    following.set_visibility(
        world.wiring,
        lead.who,
        sent.id,
        visibility=Visibility.WITHHOLD,
        exemption=Exemption.SOCIAL_WORK,
        until=world.today.replace(year=world.today.year + 1),
        reason="the inquiry would be hampered",
    )
    assert before == file_of(world, ada, ADA)


# ---- other people -------------------------------------------------------------------------------------------


def test_what_another_adult_decided_changes_no_byte_of_ones_paper(world: World, ada: Somebody) -> None:
    give_all(world)
    released(world, "camhs")
    before = {aloud: file_of(world, ada, MUM, aloud=aloud) for aloud in (False, True)}
    world.withdraw(REF, DAD)
    assert 1 == answer_all(world, "camhs", Answer.DELETED)
    world.decide(REF, DAD, "refuse")
    assert before == {aloud: file_of(world, ada, MUM, aloud=aloud) for aloud in (False, True)}
    assert ["stopped", "deleted", "no"] == [
        next(word for word in ("stopped", "deleted", "no") if word in line["what"])
        for line in lines_of(world, ada, DAD)[-3:]
    ]


def test_somebody_listed_as_a_risk_has_no_paper(world: World, ada: Somebody) -> None:
    assert 404 == ada.ask(address(world, RISK)).status_code


def test_a_flag_that_protects_an_adult_is_on_that_adults_paper_alone(world: World, ada: Somebody) -> None:
    """Whoever it is about would learn from it that somebody is afraid of them."""
    made = world.families[REF]
    flag = item("offences", [DAD], {"offence": "theft", "status": "alleged"}, protects=MUM)
    world.import_families({**made, "items": [*made["items"], flag]})
    world.give(REF, MUM)
    released(world, "refuge")
    assert FIELD_WORDS["offences"] in lines_of(world, ada, MUM)[-1]["kinds"]
    assert [] == lines_of(world, ada, DAD)
    assert FIELD_WORDS["offences"] not in str(lines_of(world, ada, MUM, aloud=True))


# ---- services that are a secret, and protected places --------------------------------------------------------


def test_a_refuge_is_told_to_who_works_with_the_family_and_never_aloud(world: World, ada: Somebody) -> None:
    world.give(REF, MUM)
    before = {
        (person, aloud): file_of(world, ada, person, aloud=aloud) for person in (MUM,) for aloud in (True,)
    }
    released(world, "refuge")
    assert before == {(MUM, True): file_of(world, ada, MUM, aloud=True)}
    assert "The refuge" == lines_of(world, ada)[-1]["who"]


def test_a_refuge_is_not_told_to_a_colleague_who_does_not_work_with_them(world: World, ada: Somebody) -> None:
    boss = Somebody(world.wiring, Role.MANAGER, username="mo")
    boss.post(f"/console/families/{world.family_id(REF)}/open", reason="supervision")
    world.give(REF, MUM)
    before = file_of(world, boss)
    released(world, "refuge")
    world.decide(REF, MUM, "withdraw", agencies=["refuge"])
    assert 1 == answer_all(world, "refuge", Answer.DELETED)
    assert before == file_of(world, boss)
    assert 4 == len(lines_of(world, ada))


def test_a_stop_that_a_refuge_reported_is_a_stop_like_any_other(world: World, ada: Somebody) -> None:
    """A paper that still said yes would be wrong; that it was a refuge that reported it is on none."""
    made = world.families[REF]
    world.import_families({**made, "workers": [*made["workers"], {"id": "refuge-1", "from": "2026-01-01"}]})
    world.give(REF, MUM)
    released(world, "refuge")
    with world.wiring.engine.connect() as connection:
        ref = connection.execute(
            text("SELECT ref FROM gateway.pairwise WHERE agency_code = 'refuge' AND thing_id = :p"),
            {"p": world.person_id(REF, MUM)},
        ).scalar_one()
    stop: JsonValue = {
        "decision_id": str(uuid4()),
        "case_ref": str(world.case_ref("refuge", REF)),
        "person": str(ref),
        "act": "withdraw",
        "recorded_by": "refuge-1",
    }
    report(world.wiring, stop, caller=world.caller("refuge"))
    assert 1 == answer_all(world, "refuge", Answer.DELETED)
    (yes, stopped) = lines_of(world, ada, aloud=True)
    assert ("A yes" in yes["what"], "was stopped" in stopped["what"]) == (True, True)
    assert not [each for each in SECRET if each in str((yes, stopped))]
    assert ["The refuge", "every service", "The refuge"] == [line["who"] for line in lines_of(world, ada)][1:]
    assert "The refuge" in lines_of(world, ada)[2]["now"]


def test_aloud_nothing_is_told_of_a_refuge_of_others_or_of_places(world: World, ada: Somebody) -> None:
    give_all(world)
    for agency in ("camhs", "charity", "education", "refuge"):
        released(world, agency)
    world.decide(REF, MUM, "hold", agencies=["refuge"])
    world.withdraw(REF, MUM)
    for agency in ("camhs", "refuge"):
        answer_all(world, agency, Answer.DELETED)
    agreed(world, ada)
    for person in (MUM, DAD, ADA, BEN):
        paper = ada.get(f"{address(world, person)}?aloud")
        said = words(paper) + file_of(world, ada, person, aloud=True).decode()
        kinds = {CATEGORY_WORDS["address"], CATEGORY_WORDS["contact"], *FIELD_WORDS.values()}
        hidden = re.compile("|".join(map(re.escape, (*CANARIES, *SECRET, *kinds))))
        assert not hidden.findall(said.replace(REF + "-", "")), person
        assert "The camhs" in said


def test_a_shielded_familys_paper_names_no_place(world: World, ada: Somebody) -> None:
    give_all(world)
    released(world, "education")
    released(world, "refuge")
    before = lines_of(world, ada)
    assert {"The education", "The refuge"} <= {line["who"] for line in before}
    shield(
        world.wiring,
        family_id=world.family_id(REF),
        person_id=world.person_id(REF, ADA),
        level=Shield.REFUGE,
        actor="test",
    )
    for person in (MUM, DAD, ADA):
        said = file_of(world, ada, person).decode()
        places = ("The education", "The refuge", CATEGORY_WORDS["address"], CATEGORY_WORDS["contact"])
        assert not [each for each in (*places, CATEGORY_WORDS["pupil_number"]) if each in said], person
    assert ["a school or education service", "a refuge"] == [
        line["who"] for line in lines_of(world, ada) if "got" in line["what"]
    ]


# ---- on record ----------------------------------------------------------------------------------------------


def entries(world: World) -> list[dict[str, object]]:
    with world.wiring.engine.connect() as connection:
        keys = world.wiring.keyring.family(connection, world.family_id(REF))
        found = [entry for _, entry in of_family(connection, keys, count=1000)]
    return [dict(each.internal) for each in found if each and each.internal["kind"] == "statement.make"]


def test_that_it_was_made_is_on_record_with_its_hash(world: World, ada: Somebody) -> None:
    note = file_of(world, ada, aloud=True)
    (entry,) = entries(world)
    assert {
        "actor": "ada",
        "person_id": str(world.person_id(REF, MUM)),
        "statement_sha256": hashlib.sha256(text_of(note).encode()).hexdigest(),
        "view": "aloud",
    } == {name: entry[name] for name in ("actor", "person_id", "statement_sha256", "view")}


def test_what_cannot_be_recorded_is_not_told(
    world: World, ada: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.give(REF, MUM)

    @contextmanager
    def away(wiring: Wiring) -> Iterator[Change]:
        with act(wiring) as change:
            yield change
            raise NotAppendedError

    monkeypatch.setattr("gateway.rights.service.act", away)
    answer = ada.ask(address(world))
    assert 503 == answer.status_code
    assert "A yes to sharing" not in answer.text
    assert [] == entries(world)


def test_without_a_key_the_paper_says_that_it_is_not_signed(world: World, wiring: Wiring) -> None:
    world.wiring = dataclasses.replace(
        wiring, settings=dataclasses.replace(wiring.settings, statement_key_file=None)
    )
    ada = worker(world)
    page = words(ada.get(address(world)))
    assert "This paper is not signed." in page
    assert "Check code:" in page
    assert "openssl" not in page
    assert file_of(world, ada).decode() == text_of(file_of(world, ada))


# ---- who may have one ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "person"),
    [
        ("00000000-0000-4000-8000-000000000001", None),
        (None, "00000000-0000-4000-8000-000000000001"),
        (None, "EH-1-mum"),
        (None, "%00"),
        ("EH-1", None),
    ],
)
def test_an_id_of_nobody_is_not_found(
    world: World, ada: Somebody, family: str | None, person: str | None
) -> None:
    family, person = family or str(world.family_id(REF)), person or str(world.person_id(REF, MUM))
    for more in ("", "?aloud", "?download"):
        assert 404 == ada.ask(f"/console/families/{family}/statement/{person}{more}").status_code


def test_another_teams_family_takes_a_reason_first(world: World) -> None:
    stranger = Somebody(world.wiring, Role.CASEWORKER, username="sam")
    answer = stranger.ask(address(world))
    assert (303, True) == (answer.status_code, answer.headers["Location"].endswith("/open"))


def test_an_erased_person_has_no_statement(world: World, ada: Somebody, eraser: Engine) -> None:
    world.give(REF, MUM)
    where, family_id = address(world), world.family_id(REF)
    file_of(world, ada)
    erase_family(eraser, wiring=world.wiring, family_id=family_id, requested_by="test", approved_by="other")
    assert 404 == ada.ask(where).status_code


def test_somebody_who_left_the_family_has_none(world: World, ada: Somebody) -> None:
    where = address(world, BEN)
    made = world.families[REF]
    world.import_families(
        {
            **made,
            "people": [each for each in made["people"] if each["id"] != BEN],
            "items": [each for each in made["items"] if BEN not in each["about"]],
        }
    )
    assert 404 == ada.ask(where).status_code


def test_the_page_allows_its_one_style_and_nothing_else(world: World, ada: Somebody) -> None:
    answer = ada.ask(address(world))
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "<script" not in answer.text
    assert "no-store" == answer.headers["Cache-Control"]


def test_the_familys_page_leads_to_it(world: World, ada: Somebody) -> None:
    assert f'href="{address(world)}"' in ada.get(f"/console/families/{world.family_id(REF)}")
    assert address(world, RISK) not in ada.get(f"/console/families/{world.family_id(REF)}")


def damage(database: Database, entry_id: object) -> None:
    """Change one byte of what lies sealed beside an entry, as the database's owner could."""
    engine = open_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.log_payload SET sealed = set_byte(sealed, 40, (get_byte(sealed, 40) + 1) % 256)"
                " WHERE entry_id = :entry"
            ),
            {"entry": entry_id},
        )
    engine.dispose()
