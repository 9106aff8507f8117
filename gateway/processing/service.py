"""Making the record of processing: read from the register, the effective profiles, the destinations and the settings.

INVARIANT: nothing of it is stored; it is as things are when somebody looks.
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection

from agencies import repository as agencies
from agencies.errors import ProfileError
from agencies.model import Purpose
from gateway.consent.receipt_words import PURPOSE_WORDS
from gateway.disclosure_log.repository import database_now
from gateway.processing.model import Destination, Period, Recipient, Record
from gateway.release.watch.model import KEPT
from gateway.safeguarding.repository import destinations
from gateway.settings import Settings
from gateway.staff.model import ABSOLUTE
from gateway.wiring import Wiring

PEOPLE: Final = (
    "Children of families that ask for early help",
    "Adults of these families, and others who live with them or care for the children",
    "People whom a family's record names, for example somebody who is a risk",
    "Professionals: named workers, practitioners of agencies and members of the council's staff",
)
_HOUR: Final = 3600


def record_of_processing(wiring: Wiring) -> Record:
    """Return the record as it is now."""
    settings = wiring.settings
    with wiring.engine.connect() as connection:
        recipients = tuple(_recipients(connection))
        sent = tuple(
            Destination(each.code, each.name, each.function.value) for each in destinations(connection)
        )
        now = database_now(connection)
    asked = {purpose for each in recipients for purpose in each.purposes}
    purposes = {code.value: PURPOSE_WORDS[code] for code in Purpose if code in asked}
    if sent:
        purposes["referral"] = "to protect somebody who is, or may be, at risk"
    return Record(
        made_at=now,
        controller=settings.council_name,
        contact=settings.data_protection_contact,
        purposes=purposes,
        recipients=recipients,
        destinations=sent,
        people=PEOPLE,
        periods=_periods(settings),
        measures=_measures(settings),
        transfers=_transfers(settings),
        policy_document=settings.policy_document,
    )


def _recipients(connection: Connection) -> Iterator[Recipient]:
    """Every agency with an effective profile, by name; one whose profile cannot be read is given nothing, as in a release."""
    for agency in sorted(agencies.all_agencies(connection), key=lambda each: each.name.casefold()):
        try:
            profile = agencies.effective_profile(connection, agency.code)
        except ProfileError:
            continue
        if profile is not None:
            yield Recipient(
                code=str(agency.code),
                name=agency.name,
                kind=agency.kind,
                state=agency.state,
                purposes=tuple(agencies.purposes(connection, agency.code)),
                profile=profile,
                agreement=next(iter(agencies.agreements(connection, agency.code)), None),
            )


def _periods(settings: Settings) -> tuple[Period, ...]:
    by_council = "the council erases the family; no rule of the gateway does so by age"
    return (
        Period(
            "A family's record, its decisions, and what the log says of it", "until it is erased", by_council
        ),
        Period(
            "A yes that names no end",
            f"{settings.consent_months} months, then nothing is shared",
            "GATEWAY_CONSENT_MONTHS",
        ),
        Period(
            "An extract at its recipient",
            f"may be used for {settings.extract_days} days at most, less where the yes or the agreement ends",
            "GATEWAY_EXTRACT_DAYS, and the agreement",
        ),
        Period(
            "Copies that are called back",
            f"the recipient answers within {settings.recall_days} working days",
            "GATEWAY_RECALL_DAYS",
        ),
        Period(
            "What unusual pulling is noticed by",
            f"{KEPT.total_seconds() / _HOUR:.0f} hours",
            "the worker deletes it",
        ),
        Period("A note of an emergency", "until its author makes a referral of it", "its words go then"),
        Period(
            "Entries of the disclosure log",
            "for ever; once a family is erased nobody can read its",
            "the signed log",
        ),
        Period(
            "Incidents and complaints",
            "for ever; what was written of a family's complaint goes with the family",
            "UK GDPR article 33(5)",
        ),
        Period(
            "A sign-in of staff",
            f"{ABSOLUTE.total_seconds() / _HOUR:.0f} hours at most",
            "the rule of sessions",
        ),
    )


def _measures(settings: Settings) -> tuple[str, ...]:
    signs_in = "with a passkey" if settings.provider is None else "at the council's own provider"
    return (
        "A field leaves only where the profile, the family's consent and the case allow it; a new field goes to nobody.",
        "What may be told to an agency is proposed by one person and approved by another, who proves who they are.",
        (
            "Personal data is encrypted where it is stored (AES-256-GCM) under keys of the family, and these under a key that"
            " is not in the database."
        ),
        (
            "Agencies' systems prove who they are with keys or certificates of their own; a token counts for"
            f" {settings.token_seconds} seconds and only with that key."
        ),
        f"Members of staff sign in {signs_in}, and see what their role is for.",
        (
            "Every release and every refusal is on record before the answer leaves, in a signed log that cannot be rewritten"
            " unnoticed by whoever kept a receipt."
        ),
        "Free text goes only after somebody read exactly what will be seen, and signed it off.",
        (
            f"Unusual pulling is noticed and told to the officer; agencies confirm who acts for them every {settings.attestation_days}"
            " days."
        ),
        "A family's keys can be destroyed, and what was sealed under them is then unreadable.",
    )


def _transfers(settings: Settings) -> tuple[str, ...]:
    found = [
        (
            "None by design: personal data of families leaves only on paper to the people it is about, and in answers to the recipients and destinations named here,"
            " who ask for it; the gateway sends it nowhere by itself."
        ),
        (
            "This rests on the agreement with each recipient, which says where it processes, and on the contract for the"
            " machines, the database and the backups: the gateway cannot see where these stand."
        ),
    ]
    if settings.provider is not None:
        found.append(
            f"Members of staff sign in at {settings.provider.issuer}, which learns who signs in, and nothing of a family."
        )
    return tuple(found)
