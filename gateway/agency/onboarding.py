"""Bringing an agency in from its application, whole.

INVARIANTS
- All of an application or nothing of it: one act, one entry; every case and person gets the new agency's own
  random id in it.
- It ends in ``proposed``: agency, client, keys and profile version 1 give nothing until the data protection
  officer and a second person make them effective.
- A certificate that an agency brings was issued by the authority it names, for clients, and is in date.
"""

from dataclasses import dataclass
from datetime import datetime

from agencies import repository
from agencies import service as register
from agencies.errors import UnknownAgencyError
from agencies.model import AgencyCode, Profile
from certs.certificate import check_chain
from certs.errors import CertificateError
from gateway.agency.application import Application, ClientApplication, ForeignCertificate
from gateway.agency.errors import ApplicationError
from gateway.agency.soundness import faults, refuse
from gateway.cases.repository import mint_for_agency
from gateway.disclosure_log.service import Change, act
from gateway.oauth import certificates, registration
from gateway.oauth.model import CertificateName, ClientId
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
