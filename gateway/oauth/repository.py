"""Clients and tokens in PostgreSQL: found, and judged afresh on every request.

INVARIANTS
- Whether a client may be served is decided by the database's rows of this moment, never from memory:
  client active, key active, certificate not revoked, token not revoked, agency active, agreement in date
  (Europe/London), purpose the agency's, practitioner on a list that was confirmed lately.
"""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from agencies.model import AgencyCode, Purpose
from certs.certificate import PresentedCertificate
from gateway.database import Prepared
from gateway.oauth.errors import RegistrationError
from gateway.oauth.keys import PUBLISHED
from gateway.oauth.model import (
    CertificateName,
    Client,
    ClientId,
    ConfirmationMethod,
    NameKind,
    Scope,
    Thumbprint,
)
from gateway.oauth.replay import Use
from gateway.oauth.tokens import VerifiedToken

_CLIENT_ID: Final = re.compile(r"[a-z]{2}_[A-Za-z0-9_-]{16,64}", re.ASCII)
_TODAY: Final = "(CAST(:now AS timestamptz) AT TIME ZONE 'Europe/London')::date"

# Of a client ``c`` of an agency ``a``, on the day of :now. The council's own client has no agency.
_IN_AGREEMENT: Final = f"""
    EXISTS (SELECT FROM agencies.agreement g WHERE g.agency_code = c.agency_code
        AND g.valid_from <= {_TODAY} AND {_TODAY} < g.valid_until)
"""
_SERVED: Final = f"""
    c.state = 'active' AND (c.agency_code IS NULL OR (a.state = 'active' AND {_IN_AGREEMENT}))
"""
_PROPOSED: Final = """
    c.state IN ('proposed', 'active') AND 'proposed' IN (c.state, a.state)
    AND (c.agency_code IS NULL OR a.state IN ('proposed', 'active'))
"""
# A key ``k`` that has an end opens nothing from the start of that day.
_KEY_LASTS: Final = f"(k.ends_on IS NULL OR {_TODAY} < k.ends_on)"
# By serial number first: an ECDSA signature has a second valid spelling, so a certificate has a second thumbprint.
_CERTIFICATE_STANDS: Final = """
    NOT EXISTS (SELECT FROM gateway.client_certificate x WHERE x.state = 'revoked'
        AND ((x.issuer = :issuer AND x.serial = :serial) OR x.thumbprint = :thumbprint))
"""
# An asserting agency's list is a record; a registered agency's list decides, and only while it is confirmed.
_LISTED: Final = f"""
    EXISTS (SELECT FROM agencies.practitioner p
        WHERE p.agency_code = c.agency_code AND p.practitioner_id = :practitioner
          AND p.active_from <= {_TODAY} AND (p.active_until IS NULL OR {_TODAY} < p.active_until))
    AND (a.practitioner_policy = 'asserted' OR EXISTS (SELECT FROM agencies.attestation t
        WHERE t.agency_code = c.agency_code AND {_TODAY} < t.attested_on + CAST(:believed_days AS integer)))
"""  # noqa: S608 - of constants alone; every value is bound
_CLIENT: Final = "gateway.oauth_client c LEFT JOIN agencies.agency a ON a.agency_code = c.agency_code"


def find_client(
    connection: Connection, client_id: str, *, now: datetime, certificate: PresentedCertificate | None = None
) -> Client | None:
    """Return a client that may be served now, or that waits for its approval; None for any other.

    Args:
        client_id: anything.
        certificate: the one it came with; a revoked one finds nobody.
    """
    if _CLIENT_ID.fullmatch(client_id) is None:
        return None
    row = connection.execute(
        text(
            "SELECT c.client_id, c.agency_code, c.scopes, c.certificate_name_kind, c.certificate_name,"  # noqa: S608 - of constants alone; every value is bound
            " c.certificate_issuer, a.purposes,"
            " (SELECT coalesce(jsonb_object_agg(k.thumbprint, k.jwk), '{}') FROM gateway.oauth_client_key k"
            f"   WHERE k.client_id = c.client_id AND k.state IN ('proposed', 'active') AND {_KEY_LASTS}) AS keys,"
            " ARRAY(SELECT k.thumbprint FROM gateway.oauth_client_key k"
            "   WHERE k.client_id = c.client_id AND k.state = 'proposed') AS proposed_keys,"
            f" ({_SERVED}) AS effective"
            f" FROM {_CLIENT} WHERE c.client_id = :client AND {_CERTIFICATE_STANDS}"
            f" AND (({_SERVED}) OR ({_PROPOSED}))"
        ),
        {"client": client_id, **_named(certificate), "now": now},
    ).one_or_none()
    if row is None:
        return None
    return Client(
        client_id=ClientId(row.client_id),
        agency=row.agency_code,
        scopes=_known_scopes(row.scopes),
        keys={Thumbprint(name): members for name, members in row.keys.items()},
        proposed_keys=frozenset(map(Thumbprint, row.proposed_keys)),
        certificate=_certificate_name(row),
        purposes=frozenset(map(Purpose, row.purposes or ())),
        effective=row.effective,
    )


def client_agency(connection: Connection, client_id: str) -> AgencyCode | None:
    """Return the agency of a client, whatever its state; None: it is the council's own.

    Raises: RegistrationError, there is no such client.
    """
    row = connection.execute(
        text("SELECT agency_code FROM gateway.oauth_client WHERE client_id = :client"), {"client": client_id}
    ).one_or_none()
    if row is None:
        raise RegistrationError("There is no such client.")
    return None if row.agency_code is None else AgencyCode(row.agency_code)


def note_connection_test(connection: Connection, client_id: ClientId, *, now: datetime) -> None:
    """Remember that a client that is not effective yet proved who it is."""
    connection.execute(
        text(
            "INSERT INTO gateway.connection_test (client_id, passed_at) VALUES (:client, :now)"
            " ON CONFLICT (client_id) DO UPDATE SET passed_at = excluded.passed_at"
        ),
        {"client": client_id, "now": now},
    )


@dataclass(frozen=True, slots=True)
class PractitionerStanding:
    """What the register says of one practitioner id of one agency.

    Attributes:
        registered_only: the agency's policy is ``registered``: nobody else may act.
        listed: the id is active on the agency's list today.
    """

    registered_only: bool
    listed: bool

    @property
    def verified(self) -> bool:
        """True when the register, not the client, vouches for the person."""
        return self.registered_only and self.listed

    @property
    def may_act(self) -> bool:
        """True when the agency's policy lets this id act."""
        return self.listed or not self.registered_only


def practitioner_standing(
    connection: Connection, client_id: ClientId, *, practitioner: str, believed_days: int, now: datetime
) -> PractitionerStanding:
    """Return the standing of a practitioner id at the client's agency.

    Args:
        believed_days: for how long a confirmed list is believed.
    """
    row = connection.execute(
        text(
            f"SELECT a.practitioner_policy AS policy, ({_LISTED}) AS listed"  # noqa: S608 - of constants alone; every value is bound
            f" FROM {_CLIENT} WHERE c.client_id = :client"
        ),
        {"client": client_id, "practitioner": practitioner, "believed_days": believed_days, "now": now},
    ).one()
    return PractitionerStanding(row.policy != "asserted", row.listed)


_STANDING: Final = Prepared(
    "WITH used AS (INSERT INTO gateway.oauth_replay (digest, expires_at)"  # noqa: S608 - of constants alone; every value is bound
    "   SELECT CAST(:digest AS bytea), CAST(:forget_at AS timestamptz) WHERE CAST(:digest AS bytea) IS NOT NULL"
    "   ON CONFLICT DO NOTHING RETURNING 1)"
    " SELECT set_config('synchronous_commit', 'off', true),"
    " CAST(:digest AS bytea) IS NULL OR EXISTS (SELECT FROM used) AS fresh,"
    " c.agency_code, c.scopes, c.certificate_name_kind, c.certificate_name, c.certificate_issuer,"
    f" a.practitioner_policy AS policy, ({_LISTED}) AS listed, ({_SERVED}"
    f" AND {_CERTIFICATE_STANDS}"
    "  AND (CAST(:purpose AS text) IS NULL OR :purpose = ANY (a.purposes))"
    "  AND NOT EXISTS (SELECT FROM gateway.oauth_revoked_token v WHERE v.digest = :token)"
    f" AND EXISTS (SELECT FROM gateway.oauth_signing_key s WHERE s.kid = :signing_key AND {PUBLISHED})"
    "  AND (CASE WHEN CAST(:client_key AS text) IS NULL THEN c.certificate_name IS NOT NULL"
    "   ELSE EXISTS (SELECT FROM gateway.oauth_client_key k WHERE k.client_id = c.client_id"
    f"   AND k.thumbprint = :client_key AND k.state = 'active' AND {_KEY_LASTS}) END)) AS served"
    f" FROM {_CLIENT} WHERE c.client_id = :client"
)


@dataclass(frozen=True, slots=True)
class TokenStanding:
    """What the database says of one token at this moment.

    Attributes:
        fresh: the proof that came with it had not been used; it is now. True where no proof came.
        served: client, key, certificate, agency, agreement, purpose, signing key and the token itself are all
            as they must be.
        agency: absent for the council's own case system.
        scopes: what the client may do today, whatever its token says.
        certificate: how the client's certificate is recognised today.
    """

    fresh: bool
    served: bool
    agency: AgencyCode | None
    scopes: frozenset[Scope]
    certificate: CertificateName | None
    practitioner: PractitionerStanding


def token_standing(
    connection: Connection,
    token: VerifiedToken,
    *,
    proof: Use | None,
    certificate: PresentedCertificate | None,
    believed_days: int,
    now: datetime,
) -> TokenStanding | None:
    """Use the proof and read everything that may have changed since the token was issued, in ONE statement.

    The statement does not wait for the disk: whatever is released afterwards is preceded by a durable
    commit of its own in the same write-ahead log, so a crash never forgets a proof that released something.

    Args:
        connection: in autocommit.
        proof: None for a token that is bound to a certificate, or that is only asked about.
        certificate: the one that the token came with, if any.
        believed_days: for how long a confirmed list of practitioners is believed.

    Returns: None when there is no such client.
    """
    grant = token.grant
    by_certificate = grant.confirmation.method is ConfirmationMethod.CERTIFICATE
    rows = _STANDING.rows(
        connection,
        {
            "digest": None if proof is None else proof.digest,
            "forget_at": None if proof is None else proof.forget_at,
            "client": grant.client_id,
            "client_key": grant.client_key,
            **_named(certificate),
            **({"thumbprint": grant.confirmation.thumbprint} if by_certificate else {}),
            "token": token_digest(token.token_id),
            "signing_key": token.signing_key,
            "purpose": None
            if grant.entry is None or grant.entry.purpose is None
            else str(grant.entry.purpose),
            "practitioner": None if grant.entry is None else grant.entry.practitioner,
            "believed_days": believed_days,
            "now": now,
        },
    )
    if not rows:
        return None
    (row,) = rows
    return TokenStanding(
        fresh=row.fresh,
        served=bool(row.served),
        agency=row.agency_code,
        scopes=_known_scopes(row.scopes),
        certificate=_certificate_name(row),
        practitioner=PractitionerStanding(row.policy != "asserted", bool(row.listed)),
    )


def revoke_token(connection: Connection, token: VerifiedToken) -> None:
    """End one token now, on every node; safe to repeat."""
    connection.execute(
        text(
            "INSERT INTO gateway.oauth_revoked_token (digest, expires_at) VALUES (:digest, :expires)"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "digest": token_digest(token.token_id),
            "expires": datetime.fromtimestamp(token.expires, UTC),
        },
    )


def sweep_revoked_tokens(connection: Connection, *, now: datetime) -> int:
    """Forget revoked tokens that nobody would accept any more; return how many."""
    swept = connection.execute(
        text("DELETE FROM gateway.oauth_revoked_token WHERE expires_at < :now"), {"now": now}
    )
    return swept.rowcount


def token_digest(token_id: str) -> bytes:
    """Return what a revoked token is remembered by: SHA-256 of its ``jti``."""
    return hashlib.sha256(token_id.encode("utf-8", "surrogatepass")).digest()


def _named(certificate: PresentedCertificate | None) -> dict[str, str | None]:
    """A certificate as the statements above look for it."""
    if certificate is None:
        return {"issuer": None, "serial": None, "thumbprint": None}
    return {
        "issuer": certificate.issuer,
        "serial": serial_text(certificate.serial),
        "thumbprint": certificate.thumbprint,
    }


def serial_text(serial: int) -> str:
    """Return a certificate's serial number as it is stored: hexadecimal."""
    return f"{serial:x}"


def _certificate_name(row: Row[Any]) -> CertificateName | None:
    if row.certificate_name is None:
        return None
    return CertificateName(NameKind(row.certificate_name_kind), row.certificate_name, row.certificate_issuer)


def _known_scopes(stored: Collection[str]) -> frozenset[Scope]:
    return frozenset(Scope(scope) for scope in stored)
