"""Bringing an agency in from its application, whole, and showing how far it has come.

INVARIANTS
- All of an application or nothing of it: one act, one entry; every case and person gets the new agency's own
  random id in it.
- It ends in ``proposed``: agency, client, keys and profile version 1 give nothing until the data protection
  officer and a second person make them effective.
- A certificate that an agency brings was issued by the authority it names, for clients, and is in date.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from agencies import repository
from agencies import service as register
from agencies.errors import UnknownAgencyError
from agencies.model import AgencyCode, Profile
from agencies.register import AgencyState, PractitionerPolicy
from certs.certificate import check_chain
from certs.errors import CertificateError
from gateway.agency.application import Application, ClientApplication, ForeignCertificate
from gateway.agency.errors import ApplicationError
from gateway.agency.soundness import faults, refuse
from gateway.cases.repository import mint_for_agency
from gateway.disclosure_log.service import Change, act
from gateway.oauth import certificates, registration
from gateway.oauth.model import CertificateName, ClientId
from gateway.settings import Settings
from gateway.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Onboarded:
    """An agency that was brought in.

    Attributes:
        client_id: absent: it has no system of its own.
        certificate: PEM, where the application brought a signing request; for the agency.
    """

    profile: Profile
    client_id: ClientId | None
    certificate: bytes | None


def onboard(wiring: Wiring, application: Application, *, now: datetime, actor: str) -> Onboarded:
    """Store an application: agreement, profile from the kind's template, client, keys or certificate, practitioners.

    Raises: agencies.errors.OnboardingError, UnsoundProfileError, gateway.oauth.errors.RegistrationError,
        ApplicationError; nothing was stored.
    """
    code = application.code
    with act(wiring, agencies=(code,)) as change:
        today = repository.today(change.connection)
        profile = register.onboard(
            change.connection,
            code=code,
            kind=application.kind,
            name=application.name,
            agreement=application.agreement,
            assessment=application.assessment,
            review_on=application.review_on,
            valid_from=application.valid_from,
            valid_until=application.valid_until,
            practitioner_policy=application.policy,
            practitioners=application.practitioners,
            attested_by=actor,
            today=today,
        )
        refuse(faults(profile, today=today))
        repository.set_purposes(change.connection, code, purposes=application.purposes)
        mint_for_agency(change.connection, code)
        client_id, certificate = None, None
        if application.client is not None:
            client_id, certificate = _register_client(
                wiring, change, application.client, agency=code, now=now
            )
        change.record(
            kind="agency.onboard",
            actor=actor,
            agency=code,
            internal={
                "agency": code,
                "agency_kind": application.kind,
                "client_id": client_id or "",
                "profile_version": profile.version,
            },
        )
    return Onboarded(profile, client_id, certificate)


def register_client(
    wiring: Wiring, client: ClientApplication, *, agency: AgencyCode, now: datetime, actor: str
) -> tuple[ClientId, bytes | None]:
    """Store one more proposed client of an agency; return its id, and its certificate where it sent a request.

    Raises: agencies.errors.UnknownAgencyError, gateway.oauth.errors.RegistrationError, ApplicationError; nothing
        was stored.
    """
    with act(wiring, agencies=(agency,)) as change:
        if repository.agency(change.connection, agency) is None:
            raise UnknownAgencyError("There is no such agency.")
        client_id, certificate = _register_client(wiring, change, client, agency=agency, now=now)
        change.record(kind="client.register", actor=actor, agency=agency, internal={"client_id": client_id})
    return client_id, certificate


@dataclass(frozen=True, slots=True)
class Step:
    """One step of bringing an agency in, as a line to read."""

    done: bool
    text: str


def steps(connection: Connection, settings: Settings, code: AgencyCode) -> Iterator[Step]:
    """Yield how far an agency has come, in the order in which it is brought in; nothing for an unknown one."""
    found = repository.agency(connection, code)
    if found is None:
        return
    for agreement in repository.agreements(connection, code):
        period = f"from {agreement.valid_from} until {agreement.valid_until}"
        yield Step(done=True, text=f"Agreement {agreement.reference}, {period}.")
    effective = repository.effective_version(connection, code)
    newest = repository.latest_version(connection, code)
    which = f"version {newest}" if effective is None else f"version {effective} is effective"
    yield Step(done=newest is not None, text=f"Sharing profile from the template of {found.kind}: {which}.")
    current = register.current_practitioners(connection, code, today=repository.today(connection))
    registered = found.practitioner_policy is PractitionerPolicy.REGISTERED
    people = f"Practitioners: {len(current)} on the list" + (
        "." if registered else ", vouched for by the agency."
    )
    yield Step(done=bool(current) or not registered, text=people)
    yield from _client_steps(connection, settings, code)
    yield Step(
        done=found.state is AgencyState.ACTIVE and effective is not None,
        text="Made effective by the data protection officer and a second person.",
    )


def _client_steps(connection: Connection, settings: Settings, code: AgencyCode) -> Iterator[Step]:
    rows = connection.execute(
        text(
            "SELECT c.client_id, c.state, c.certificate_name IS NOT NULL AS has_certificate, t.passed_at,"
            " (SELECT count(*) FROM gateway.oauth_client_key k WHERE k.client_id = c.client_id"
            "   AND k.state <> 'removed') AS keys"
            " FROM gateway.oauth_client c LEFT JOIN gateway.connection_test t USING (client_id)"
            " WHERE c.agency_code = :code AND c.state <> 'revoked' ORDER BY c.client_id"
        ),
        {"code": code},
    ).all()
    if not rows:
        yield Step(done=True, text="Client: none; the agency has no system of its own.")
    for row in rows:
        by = f"{row.keys} keys" + (", known by certificate" if row.has_certificate else "")
        yield Step(done=True, text=f"Client {row.client_id}: {row.state}, {by}.")
        if row.passed_at is not None:
            yield Step(done=True, text=f"Connection test passed at {row.passed_at:%Y-%m-%d %H:%M} UTC.")
        elif row.state == "proposed":
            yield Step(done=False, text=f"Connection test. {_how_to_test(settings, row.client_id, row.keys)}")


def _how_to_test(settings: Settings, client_id: str, keys: int) -> str:
    if keys:
        return (
            f"The agency runs: extract-client check --base-url {settings.public_url}"
            f" --client-id {client_id} --key-file KEY --practitioner ID"
        )
    return (
        f"The agency asks for a token with its certificate at {settings.mtls_url or settings.public_url}:"
        " the answer unauthorized_client says that it works."
    )


def _register_client(
    wiring: Wiring, change: Change, client: ClientApplication, *, agency: AgencyCode, now: datetime
) -> tuple[ClientId, bytes | None]:
    connection = change.connection
    client_id = registration.new_client_id(agency)
    name = None
    if client.request is not None:
        name = certificates.own_name(connection, client_id)
    if client.certificate is not None:
        name = _checked_name(client.certificate, now=now)
    registration.register_client(
        connection,
        agency=agency,
        scopes=client.scopes,
        keys=client.keys,
        certificate=name,
        client_id=client_id,
    )
    if client.certificate is not None:
        certificates.record(connection, client.certificate.certificate, agency=agency, client_id=client_id)
    if client.request is None:
        return client_id, None
    issued = certificates.issue(
        connection,
        wiring.keyring,
        agency=agency,
        client_id=client_id,
        request=client.request,
        now=now,
    )
    return client_id, issued.pem


def _checked_name(foreign: ForeignCertificate, *, now: datetime) -> CertificateName:
    try:
        presented = check_chain(foreign.certificate, authorities=foreign.authorities, now=now)
    except CertificateError as error:
        raise ApplicationError(f"client.certificate: {error}.") from error
    name = CertificateName(foreign.name_kind, foreign.name, presented.issuer)
    if not name.is_of(presented):
        raise ApplicationError("client.name does not stand in the certificate where name_kind says.")
    return name
