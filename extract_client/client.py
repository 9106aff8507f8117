"""Pulls extracts from one gateway as one registered client.

INVARIANTS
- Every token is bound to a key made for this run; nothing worth stealing is written anywhere.
- Assertion and proof are made anew for every request.
- The gateway's metadata must name the very address that was configured (RFC 8414 section 3.3).
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from joserfc.jwk import ECKey

from extract_client.errors import BusyError, NotAvailableError, RefusedError, UnexpectedAnswerError
from extract_client.signing import PrivateKey, client_assertion, dpop_proof, load_key, new_proof_key
from extract_client.status import verified_status
from extract_client.transport import Answer, HttpsTransport, Transport

_METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404
_BUSY: Final = (429, 503)
_USE_NONCE: Final = "use_dpop_nonce"
_NOT_EFFECTIVE: Final = "unauthorized_client"

JsonObject = dict[str, Any]
"""A JSON object as the gateway sent it."""


@dataclass(frozen=True, slots=True)
class ExtractClient:
    """One registered client of one gateway; ``ExtractClient.open`` makes it from files.

    Attributes:
        base_url: ``https://host[:port]``, no path: the gateway's public address and issuer.
    """

    base_url: str
    client_id: str
    key: PrivateKey = field(repr=False)
    transport: Transport = field(repr=False)
    proof_key: ECKey = field(default_factory=new_proof_key, repr=False)

    @classmethod
    def open(cls, base_url: str, *, client_id: str, key_file: Path, ca_file: Path | None) -> "ExtractClient":
        """Return a client that uses HTTPS.

        Args:
            key_file: the private key, one JWK.
            ca_file: certificate authority to trust, PEM; None: those of this machine.

        Raises: ConfigurationError.
        """
        return cls(base_url.rstrip("/"), client_id, load_key(key_file), HttpsTransport(ca_file))

    def me(self, *, practitioner: str) -> JsonObject:
        """Return what the gateway says this client may see, and why.

        Raises: ExtractClientError.
        """
        return self._get("/v1/me", self._extract_token("P1", practitioner))

    def pull(self, case_ref: str, *, purpose: str, practitioner: str) -> JsonObject:
        """Return one extract.

        Args:
            case_ref: this agency's own reference of the case.
            purpose: "P1" (panel), "P2" (service delivery) or "P3" (tracking).
            practitioner: id of the person who asks.

        Raises: NotAvailableError; RefusedError; ExtractClientError.
        """
        token = self._extract_token(purpose, practitioner)
        return self._get(f"/v1/cases/{quote(case_ref, safe='')}/extract", token)

    def recalls(self, *, practitioner: str) -> JsonObject:
        """Return what this agency was asked to stop using, what waits for an answer first.

        Raises: ExtractClientError.
        """
        return self._get("/v1/recalls", self._action_token("recall:write", practitioner))

    def answer_recall(
        self, recall_id: str, answer: str, *, ground: str | None, practitioner: str
    ) -> JsonObject:
        """Say what was done with the copies of one recall, and return it; the same again changes nothing.

        Args:
            answer: deleted, returned, stopped, retained or not_received.
            ground: why they are kept, with ``retained``.

        Raises: NotAvailableError, there is no such recall; RefusedError; ExtractClientError.
        """
        said = {"answer": answer} if ground is None else {"answer": answer, "ground": ground}
        token = self._action_token("recall:write", practitioner)
        path = f"/v1/recalls/{quote(recall_id, safe='')}/answer"
        return _told(self._send_again("POST", path, token, body=json.dumps(said).encode()))

    def referrals(self, *, practitioner: str) -> JsonObject:
        """Return what was sent to the destination whose client this is; nothing of what it says.

        Raises: ExtractClientError.
        """
        return self._get("/v1/referrals", self._action_token("referral:read", practitioner))

    def referral(self, referral_id: str, *, practitioner: str) -> JsonObject:
        """Return the documents of one referral, each with its receipt, or a promise of one.

        Raises: NotAvailableError, nothing like it was sent to this destination; ExtractClientError.
        """
        token = self._action_token("referral:read", practitioner)
        return self._get(f"/v1/referrals/{quote(referral_id, safe='')}", token)

    def status(self, extract_id: str, *, purpose: str, practitioner: str) -> str:
        """Return what a copy is now: ``current``, ``permitted`` or ``neither``, as the gateway signed it.

        Args:
            purpose: the one that the copy was pulled for.

        Raises: NotAvailableError, this agency never pulled such an extract for this purpose; ExtractClientError.
        """
        token = self._extract_token(purpose, practitioner)
        answer = self._get(f"/v1/extracts/{quote(extract_id, safe='')}/status", token)
        keys = _document(
            self.transport.send("GET", self._metadata("jwks_uri"), headers={"Accept": "application/json"})
        )
        return verified_status(
            answer,
            keys=keys.get("keys", []),
            issuer=self.base_url,
            client_id=self.client_id,
            extract_id=extract_id,
            now=time.time(),
        )

    def check(self, *, purpose: str, practitioner: str) -> Iterator[str]:
        """Try the connection step by step, and yield one sentence for each step that works; pulls nothing.

        Raises: RefusedError, at the step that does not work; ExtractClientError.
        """
        self._token_endpoint()
        yield "The gateway answers, and calls itself by the address that you configured."
        try:
            token = self._extract_token(purpose, practitioner)
        except RefusedError as error:
            if error.code != _NOT_EFFECTIVE:
                raise
            yield "Your client proved who it is. The council has not made it effective yet: nothing else to do."
            return
        yield "Your client proved who it is, and got a token."
        agency = self._get("/v1/me", token).get("agency", {})
        yield f"The gateway knows you as {agency.get('name', 'an agency without a name')}."

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint of the disclosure log, which everybody may read; nothing of it is checked.

        Raises: NotAvailableError, nothing was published yet; ExtractClientError.
        """
        answer = self.transport.send("GET", f"{self.base_url}/log/checkpoint", headers={})
        if answer.status != _OK:
            raise _refused(answer)
        return answer.body

    def log_token(self) -> str:
        """Return a token for the disclosure log's tiles, good for a few minutes; it touches no case.

        Raises: RefusedError, this client may not read the log; ExtractClientError.
        """
        return self._token({"scope": "log:read"})

    def log_resource(self, path: str, *, token: str) -> bytes:
        """Return one tile or bundle of the disclosure log; nothing of it is checked.

        Args:
            path: below the log's prefix, such as ``tile/0/000``.

        Raises: NotAvailableError, the log does not have it; BusyError; ExtractClientError.
        """
        answer = self._send_again("GET", f"/log/{path}", token, accept="*/*")
        if answer.status != _OK:
            raise _refused(answer)
        return answer.body

    def _extract_token(self, purpose: str, practitioner: str) -> str:
        details = [{"type": "case_extract", "purpose": purpose, "practitioner": {"id": practitioner}}]
        return self._token(
            {
                "scope": "extract:read",
                "authorization_details": json.dumps(details, separators=(",", ":")),
            }
        )

    def _action_token(self, scope: str, practitioner: str) -> str:
        details = [{"type": "case_action", "practitioner": {"id": practitioner}}]
        return self._token(
            {"scope": scope, "authorization_details": json.dumps(details, separators=(",", ":"))}
        )

    def _token(self, wanted: Mapping[str, str]) -> str:
        endpoint = self._token_endpoint()
        answer = self._ask_for_token(endpoint, wanted, nonce=None)
        document = _document(answer)
        if answer.nonce is not None and document.get("error") == _USE_NONCE:
            answer = self._ask_for_token(endpoint, wanted, nonce=answer.nonce)
            document = _document(answer)
        if answer.status != _OK:
            raise _no_token(document)
        token = document.get("access_token")
        if not isinstance(token, str) or str(document.get("token_type")).lower() != "dpop":
            raise UnexpectedAnswerError("The gateway's token is not bound to our key.")
        return token

    def _ask_for_token(self, endpoint: str, wanted: Mapping[str, str], *, nonce: str | None) -> Answer:
        now = int(time.time())
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": client_assertion(
                self.key, client_id=self.client_id, issuer=self.base_url, now=now
            ),
            "resource": f"{self.base_url}/v1",
            **wanted,
        }
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "DPoP": dpop_proof(self.proof_key, method="POST", url=endpoint, now=now, nonce=nonce),
        }
        return self.transport.send("POST", endpoint, headers=headers, body=urlencode(form).encode())

    def _token_endpoint(self) -> str:
        return self._metadata("token_endpoint")

    def _metadata(self, name: str) -> str:
        """One address of the gateway's metadata.

        Raises: UnexpectedAnswerError.
        """
        answer = self.transport.send(
            "GET", self.base_url + _METADATA_PATH, headers={"Accept": "application/json"}
        )
        if answer.status != _OK:
            raise UnexpectedAnswerError("The address is not that of a gateway.")
        document = _document(answer)
        if document.get("issuer") != self.base_url:
            raise UnexpectedAnswerError(
                "The gateway calls itself by another address than the one configured."
            )
        endpoint = document.get(name)
        if not isinstance(endpoint, str) or not endpoint.startswith("https://"):
            raise UnexpectedAnswerError(f"The gateway names no {name.replace('_', ' ')}.")
        return endpoint

    def _get(self, path: str, token: str) -> JsonObject:
        return _told(self._send_again("GET", path, token))

    def _send_again(
        self,
        method: str,
        path: str,
        token: str,
        *,
        accept: str = "application/json",
        body: bytes | None = None,
    ) -> Answer:
        """Send a request, and once more where the gateway wants a nonce."""
        answer = self._send(method, path, token, accept, body=body, nonce=None)
        if answer.status == _UNAUTHORIZED and answer.nonce is not None:
            answer = self._send(method, path, token, accept, body=body, nonce=answer.nonce)
        return answer

    def _send(
        self, method: str, path: str, token: str, accept: str, *, body: bytes | None, nonce: str | None
    ) -> Answer:
        url, now = self.base_url + path, int(time.time())
        proof = dpop_proof(self.proof_key, method=method, url=url, now=now, token=token, nonce=nonce)
        headers = {"Accept": accept, "Authorization": f"DPoP {token}", "DPoP": proof}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self.transport.send(method, url, headers=headers, body=body)


def _document(answer: Answer) -> JsonObject:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswerError(f"The gateway answered {answer.status} without a document.") from error
    if not isinstance(document, dict):
        raise UnexpectedAnswerError(f"The gateway answered {answer.status} without a document.")
    return document


def _told(answer: Answer) -> JsonObject:
    """The document of a good answer; raises what any other one means."""
    document = _document(answer)
    if answer.status != _OK:
        raise _refused(answer)
    return document


def _no_token(document: Mapping[str, Any]) -> RefusedError:
    code, why = str(document.get("error")), document.get("error_description", "no reason given.")
    return RefusedError(f"No token: {why}", code=code)


def _refused(answer: Answer) -> RefusedError:
    document = _document(answer)
    detail, code = str(document.get("detail", "no reason given.")), str(document.get("type"))
    if answer.status == _NOT_FOUND:
        return NotAvailableError(f"Not available: {detail}", code=code)
    sentence = f"{document.get('title', 'Refused')}: {detail}"
    if answer.status in _BUSY and answer.retry_after is not None:
        return BusyError(sentence, code=code, retry_after=answer.retry_after)
    return RefusedError(sentence, code=code)
