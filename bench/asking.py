"""Who asks, and how: tokens of every agency, bound to a key or to a certificate, and what each request needs.

INVARIANTS
- Tokens come from the gateway's own token endpoint, and are renewed long before they end.
- A certificate is told to a gateway without TLS as nginx tells it; nothing else differs.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import quote

from joserfc.jwk import ECKey

from bench.nodes import Node
from bench.population import Population
from gateway.oauth.client_certificate import CERTIFICATE_HEADER, VERIFY_HEADER
from tests.gateway.oauth.partner import Partner
from tests.support.door import ClientFiles, Door
from tests.support.node import Certificates
from tests.support.served import authorization

FRESH_SECONDS: Final = 150
"""A token lives 300 s; an older one than this is not used for a new measurement."""


@dataclass
class Askers:
    """The systems of all agencies at one gateway that speaks TLS: what they get is good at every node of the council."""

    population: Population
    node: Node
    certificates: Certificates
    _partners: dict[tuple[str, bool], Partner] = field(default_factory=dict)
    _files: dict[str, ClientFiles] = field(default_factory=dict)
    _tokens: dict[tuple[str, bool, str], tuple[float, str]] = field(default_factory=dict)

    def files(self, agency: str) -> ClientFiles:
        """The client certificate of an agency."""
        if agency not in self._files:
            self._files[agency] = self.certificates.client(agency)
        return self._files[agency]

    def caller(
        self, agency: str, *, by_certificate: bool, told: bool, scope: str = "extract:read"
    ) -> dict[str, Any]:
        """What every request of an agency carries, for ``bench.load``.

        Args:
            told: its certificate is told in headers, because the node speaks no TLS.
        """
        token = self._token(agency, by_certificate=by_certificate, scope=scope)
        partner = self._partner(agency, by_certificate=by_certificate)
        headers = [f"Authorization: {partner.scheme} {token}"]
        if by_certificate:
            if told:
                pem = self.files(agency).certificate.read_text()
                headers += [f"{VERIFY_HEADER}: SUCCESS", f"{CERTIFICATE_HEADER}: {quote(pem, safe='')}"]
            return {"headers": headers, "proof": None}
        key = cast("ECKey", partner.proof_key)
        proof = {
            "key": key.as_pem(private=True).decode(),
            "jwk": key.as_dict(private=False),
            "token": token,
        }
        return {"headers": headers, "proof": proof}

    def get(self, agency: str, path: str, *, scope: str) -> tuple[int, Any]:
        """One request outside every measurement: status and body."""
        token = self._token(agency, by_certificate=False, scope=scope)
        answer = self._partner(agency, by_certificate=False).get(path, token)
        return answer.status_code, answer.get_json(silent=True)

    def close(self) -> None:
        """Close every connection of its own."""
        for partner in self._partners.values():
            cast("Door", partner.http).close()

    def _partner(self, agency: str, *, by_certificate: bool) -> Partner:
        wanted = (agency, by_certificate)
        if wanted not in self._partners:
            member: Mapping[str, Any] = self.population.members[agency]
            ports, files = self.node.ports, self.files(agency) if by_certificate else None
            door = Door(
                ports.mutual if by_certificate else ports.public,
                self.population.settings.public_url,
                self.certificates.authority_file,
                files,
            )
            key = ECKey.import_key(dict(member["key"]))
            self._partners[wanted] = Partner(
                door,
                self.population.settings.issuer,
                member["client_id"],
                key,
                by_certificate=by_certificate,
            )
        return self._partners[wanted]

    def _token(self, agency: str, *, by_certificate: bool, scope: str) -> str:
        wanted = (agency, by_certificate, scope)
        since, token = self._tokens.get(wanted, (0.0, ""))
        if not token or time.monotonic() - since > FRESH_SECONDS:
            practitioner = self.population.members[agency]["practitioner"]
            asked = {"authorization_details": authorization(purpose="P1", practitioner=practitioner)}
            if scope == "panel:read":
                asked["authorization_details"] = (
                    f'[{{"type":"case_action","practitioner":{{"id":"{practitioner}"}}}}]'
                )
            token = self._partner(agency, by_certificate=by_certificate).token(scope=scope, **asked)
            self._tokens[wanted] = (time.monotonic(), token)
        return token
