"""The council's provider, as one process knows it: its metadata and keys, and what is asked of it.

INVARIANTS
- Metadata and keys are a day old at most; without new ones nobody signs in.
- An unknown key makes us read the keys again, once a minute at most, whatever tokens come.
- A provider that did not answer is left alone for a few seconds, so that it does not hold our threads.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.settings import AssertionAudience, ProviderSettings, Settings, SettingsError
from gateway.staff import oidc
from gateway.staff.errors import ProviderAnswerError, ProviderAwayError, UnknownKeyError
from gateway.staff.id_token import Claims
from gateway.staff.oidc import Metadata, OwnKey, ProviderKey
from gateway.staff.provider_http import ProviderHttp

FRESH_SECONDS: Final = 24 * 3600
KEYS_AGAIN_SECONDS: Final = 60
AWAY_SECONDS: Final = 5
CALLBACK: Final = "/console/oidc/callback"


@dataclass(slots=True)
class _Known:
    metadata: Metadata
    keys: tuple[ProviderKey, ...]
    at: float
    keys_at: float


@dataclass(slots=True)
class Provider:
    """Where members of staff sign in; one per process, shared by its threads.

    Attributes:
        redirect_uri: the only address that the provider sends browsers back to.
        own_key: what we sign assertions with; None: there is a secret.
        clock: seconds that only grow.
    """

    settings: ProviderSettings
    redirect_uri: str
    http: ProviderHttp
    own_key: OwnKey | None = field(repr=False)
    secret: str = field(repr=False)
    clock: Callable[[], float] = time.monotonic
    _known: _Known | None = None
    _away_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def load(cls, settings: Settings) -> "Provider | None":
        """Return the provider that the settings name; None: they name none.

        Raises: SettingsError, a file does not hold what it should.
        """
        named = settings.provider
        if named is None:
            return None
        try:
            http = ProviderHttp.trusting(named.ca_file)
        except OSError as error:
            raise SettingsError("GATEWAY_OIDC_CA_FILE holds no certificate of an authority.") from error
        return cls(
            named, settings.public_url + CALLBACK, http, own_key=_own_key(named), secret=_secret(named)
        )

    def metadata(self) -> Metadata:
        """Return what the provider says of itself.

        Raises: ProviderAwayError; ProviderAnswerError.
        """
        with self._lock:
            return self._current().metadata

    def id_token(self, code: str, *, verifier: str, now: datetime) -> str:
        """Exchange a code for an ID token, which nobody has verified yet (Core 1.0 section 3.1.3).

        Raises: ProviderAwayError; ProviderAnswerError.
        """
        metadata = self.metadata()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        authorization = None
        if self.own_key is None:
            authorization = oidc.basic_authorization(self.settings.client_id, self.secret)
        else:
            fields |= {
                "client_id": self.settings.client_id,
                "client_assertion_type": oidc.ASSERTION_TYPE,
                "client_assertion": oidc.client_assertion(
                    self.own_key,
                    client_id=self.settings.client_id,
                    audience=self._audience(metadata),
                    now=now,
                ),
            }
        answer = self.http.post(metadata.token_endpoint, fields, authorization=authorization)
        return oidc.read_token_answer(answer)

    def claims(self, compact: str, *, types: Collection[str | None]) -> Claims:
        """Return the claims of a token that the provider signed; what they say is still to be checked.

        Raises: ProviderAwayError; ProviderAnswerError.
        """
        token = oidc.read_token(compact, types=types, algorithms=self.settings.algorithms)
        with self._lock:
            known = self._current()
            try:
                return oidc.verify(token, known.keys)
            except UnknownKeyError:
                if self.clock() < known.keys_at + KEYS_AGAIN_SECONDS:
                    raise
            known.keys_at = self.clock()
            known.keys = self._read_keys(known.metadata)
            return oidc.verify(token, known.keys)

    def _current(self) -> _Known:
        now = self.clock()
        if self._known is None or now >= self._known.at + FRESH_SECONDS:
            if now < self._away_until:
                raise ProviderAwayError("left alone for a moment")
            try:
                document = self.http.get(oidc.metadata_url(self.settings.issuer))
                metadata = oidc.read_metadata(document, issuer=self.settings.issuer)
                self._known = _Known(metadata, self._read_keys(metadata), at=now, keys_at=now)
            except (ProviderAnswerError, ProviderAwayError):
                self._away_until = self.clock() + AWAY_SECONDS
                raise
        return self._known

    def _read_keys(self, metadata: Metadata) -> tuple[ProviderKey, ...]:
        return oidc.read_keys(self.http.get(metadata.jwks_uri))

    def _audience(self, metadata: Metadata) -> str:
        at_endpoint = self.settings.assertion_audience is AssertionAudience.TOKEN_ENDPOINT
        return metadata.token_endpoint if at_endpoint else self.settings.issuer


def _own_key(settings: ProviderSettings) -> OwnKey | None:
    if settings.client_key_file is None:
        return None
    try:
        return oidc.read_own_key(settings.client_key_file.read_bytes())
    except (OSError, ProviderAnswerError) as error:
        raise SettingsError(
            "GATEWAY_OIDC_CLIENT_KEY_FILE must hold one private key as a JWK, EC P-256 or RSA of 2048 bits or more."
        ) from error


def _secret(settings: ProviderSettings) -> str:
    if settings.client_secret_file is None:
        return ""
    try:
        secret = settings.client_secret_file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingsError("GATEWAY_OIDC_CLIENT_SECRET_FILE cannot be read as text.") from error
    if not secret:
        raise SettingsError("GATEWAY_OIDC_CLIENT_SECRET_FILE is empty.")
    return secret
