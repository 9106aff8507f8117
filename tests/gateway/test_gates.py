"""Every table is guarded by a gate, or somebody ruled that it cannot change a release."""

from sqlalchemy import text

from gateway.database import open_engine
from tests.support.throwaway import Database

CANNOT_CHANGE_A_RELEASE = {
    "gateway.access_sample": "asks an agency about the past; releases nothing",
    "gateway.sampled_access": "asks an agency about the past; releases nothing",
    "gateway.agency_gate": "is the gate",
    "gateway.approval": "what was proposed and decided; what is made effective by it is guarded",
    "gateway.family_gate": "is the gate",
    "gateway.family_opened": "which families staff may look at; releases nothing to an agency",
    "gateway.certificate_authority": "signs certificates; which client one belongs to is guarded",
    "gateway.connection_test": "when a client that gets nothing proved who it is",
    "gateway.blind_index": "finds people for the council's staff, releases nothing",
    "gateway.emergency_note": "what was typed while no record could be read; of no family, told to its author alone",
    "gateway.dossier": "an incident or a complaint; tells the council's officer, releases nothing",
    "gateway.dossier_family": "whose complaint it is; read by nobody who decides",
    "gateway.dossier_step": "what was done about one",
    "gateway.dossier_text": "what was written about one, sealed",
    "gateway.disclosure_view": "what an officer looks for in the log; releases nothing",
    "gateway.log_checkpoint": "evidence, written by publish_checkpoint() only",
    "gateway.log_cosignature": "the witnesses' word on a checkpoint",
    "gateway.log_promise": "says that an entry will be included; releases nothing",
    "gateway.log_quorum": "when the witnesses last agreed; what it stops is stopped by its age",
    "gateway.log_tile": "evidence, written by append() only",
    "gateway.log_deferred": "evidence, written by functions only",
    "gateway.log_erasure": "keys on their way out; they come from a guarded table, and nothing is released with them",
    "gateway.log_entry": "evidence, written by append() only",
    "gateway.log_head": "evidence, written by append() only",
    "gateway.log_mark": "finds what was released; releases nothing",
    "gateway.log_marked": "finds what was released; releases nothing",
    "gateway.log_payload": "evidence, written by append() only",
    "gateway.log_trace": "maps entries to families, read by nobody who decides",
    "gateway.oauth_issued_token": "counts tokens; whether one works is read from guarded rows",
    "gateway.oauth_refused_request": "what a client was refused for; read by nobody who decides",
    "gateway.oauth_revoked_token": "ends tokens; read on every request, and only ever added to",
    "gateway.oauth_replay": "what was used up; a second use is refused by its key",
    "gateway.oauth_signing_key": "signs tokens; rights are read on every request",
    "gateway.past": "how rows were, kept by triggers, read by nobody who decides",
    "gateway.pairwise": "ids are added, never changed; whom they name is guarded",
    "gateway.profile_author": "who wrote a version; keeps them from approving it, releases nothing",
    "gateway.profile_draft": "what an officer writes; a version of it is stored and made effective by guarded rows",
    "gateway.pull_watch": "how far the watch has read the log",
    "gateway.rate_bucket": "counts requests before anything is decided",
    "gateway.recall": "asks for copies back; releases nothing",
    "gateway.recent_pull": "what the watch counts; copied from the log, read by nobody who decides",
    "gateway.referral": "tells a destination, never an agency that asks; its effect on a case is guarded there",
    "gateway.referral_destination": "where referrals go; no agency is released anything by it",
    "gateway.referral_document": "what went of a referral, as it went",
    "gateway.referral_fetch": "who took a referral; read by nobody who decides",
    "gateway.referral_pickup": "one document of a referral for one named person",
    "gateway.referral_review": "what somebody found about a referral",
    "gateway.task": "tells a person what to look at; decides nothing",
    "gateway.person": "an id and its index; what the person is in is guarded",
    "gateway.staff": "who may record; decisions themselves are guarded",
    "gateway.staff_challenge": "what was used up; a second use is refused by its key",
    "gateway.staff_identity": "says who somebody is at their provider; what they do then is guarded",
    "gateway.staff_invitation": "lets somebody sign in for the first time; what they do then is guarded",
    "gateway.staff_login": "a sign-in under way; what they do then is guarded",
    "gateway.staff_passkey": "proves who somebody is; what they do then is guarded",
    "gateway.staff_step_up": "what somebody proves themself for; what they do then is guarded",
    "gateway.staff_session": "who is signed in; what they do is guarded",
}
"""Tables without a guard, each with the reason."""


def test_every_table_is_guarded_or_ruled_on(template_database: Database) -> None:
    """A new table that can change a release and moves no gate would let a release pass it."""
    engine = open_engine(template_database.owner_url)
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT n.nspname || '.' || c.relname AS name, EXISTS (SELECT FROM pg_trigger t"
                " WHERE t.tgrelid = c.oid AND t.tgname = 'moved_gate' AND t.tgdeferrable AND t.tginitdeferred)"
                " AS guarded FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('agencies', 'consent_registry', 'gateway')"
            )
        ).all()
    engine.dispose()
    assert set(CANNOT_CHANGE_A_RELEASE) == {row.name for row in rows if not row.guarded}
    assert sum(row.guarded for row in rows) >= 18


def test_nobody_but_the_owner_may_drop_a_guard(template_database: Database) -> None:
    engine = open_engine(template_database.app_url)
    with engine.connect() as connection:
        owned = connection.execute(
            text(
                "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname IN ('agencies', 'consent_registry', 'gateway')"
                " AND pg_has_role(current_user, c.relowner, 'USAGE')"
            )
        ).scalar_one()
    engine.dispose()
    assert owned == 0
