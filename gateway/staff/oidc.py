"""OpenID Connect: what is asked of a provider, and how its answers are read. No I/O.

INVARIANTS
- What a token may be signed with is our list; what the provider's metadata says of it changes nothing.
- The key is one of the provider's, for signatures, of the algorithm's type; nothing in a token brings a key.
- The metadata is that of our issuer, and every address in it is https.
- An answer that may come from another provider is refused before its code is used.
- No foreign exception leaves this module.

Sources: OpenID Connect Core 1.0 sections 3.1.2 and 10.1, Discovery 1.0 sections 3 and 4, RFC 7636, RFC 7523, RFC 8725,
RFC 9207, RFC 9700 section 4.4 (mix-up).
"""

import base64
import binascii
import hashlib
import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from urllib.parse import quote_plus, urlencode, urlsplit

from joserfc import jws
from joserfc.errors import JoseError as LibraryError
from joserfc.jwk import ECKey, RSAKey

from certs.errors import JwkError
from certs.jwk import sanitise_jwks
from gateway.staff.errors import ProviderAnswerError, UnknownKeyError
from gateway.staff.id_token import Claims
from gateway.strict_json import JsonValue, StrictJsonError, parse_json

ID_TOKEN_TYPES: Final = (None, "jwt")
LOGOUT_TYPES: Final = (None, "jwt", "logout+jwt")
"""Keycloak calls one ``JWT``; its ``events`` tell it from an ID token."""
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_CHARS: Final = 32_768
_ASSERTION_SECONDS: Final = 60
_HEADER_BYTES: Final = 8192
_MAX_DEPTH: Final = 16
_CODE_CHARS: Final = 8192
_MAX_KEYS: Final = 64
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_KEY_TYPES: Final[Mapping[str, str]] = {"PS256": "RSA", "RS256": "RSA", "ES256": "EC"}
_OWN_ALGORITHMS: Final[Mapping[str, str]] = {"RSA": "PS256", "EC": "ES256"}

VerificationKey: TypeAlias = RSAKey | ECKey
Parameters: TypeAlias = Mapping[str, Sequence[str]]
"""Of a request, by name; each may be given more than once."""


class _Registry(jws.JWSRegistry):
    """The library's registry with room for the headers of real providers."""

    max_header_length = _HEADER_BYTES
    max_payload_length = TOKEN_CHARS


@dataclass(frozen=True, slots=True)
class Metadata:
    """What we use of a provider's metadata.

    Attributes:
        says_issuer: every answer that comes back by the browser names the provider (RFC 9207).
    """

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    says_issuer: bool


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A key that a provider signs with.

    Attributes:
        algorithm: the only one it is for; None: any of its type.
    """

    key_id: str | None
    algorithm: str | None
    key: VerificationKey

    def fits(self, algorithm: str) -> bool:
        """True when this key may have signed with the algorithm (RFC 8725 section 3.1)."""
        return _KEY_TYPES[algorithm] == self.key.key_type and self.algorithm in (None, algorithm)


@dataclass(frozen=True, slots=True)
class Question:
    """What one login asks of the provider.

    Attributes:
        max_age: seconds since somebody signed in there, at most; None: that does not matter.
        acr: how they have to sign in; None: in any way.
    """

    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    verifier: str
    max_age: int | None = None
    acr: str | None = None


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A well-formed token whose signature nobody has checked: its header may only choose a key."""

    compact: str
    algorithm: str
    key_id: str | None
    claims: Claims


@dataclass(frozen=True, slots=True, repr=False)
class OwnKey:
    """The key that we sign our assertions with.

    Attributes:
        header: what their header says beside the type.
    """

    key: VerificationKey
    header: Mapping[str, str]


def metadata_url(issuer: str) -> str:
    """Return where a provider describes itself (Discovery 1.0 section 4)."""
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def read_metadata(body: bytes, *, issuer: str) -> Metadata:
    """Return what a provider says of itself.

    Raises: ProviderAnswerError, it is another provider's, has no PKCE, or an address is not https.
    """
    document = read_object(body)
    if document.get("issuer") != issuer:
        raise ProviderAnswerError("the metadata is of another issuer")
    methods = document.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise ProviderAnswerError("the provider has no PKCE with S256")
    return Metadata(
        authorization_endpoint=_address(document, "authorization_endpoint"),
        token_endpoint=_address(document, "token_endpoint"),
        jwks_uri=_address(document, "jwks_uri"),
        says_issuer=document.get("authorization_response_iss_parameter_supported", False) is not False,
    )


def read_keys(body: bytes) -> tuple[ProviderKey, ...]:
    """Return the keys of a key set that are for signatures and that we can use; others are passed over.

    Raises: ProviderAnswerError, it is no key set.
    """
    keys = read_object(body).get("keys")
    if not isinstance(keys, list) or len(keys) > _MAX_KEYS:
        raise ProviderAnswerError("the key set is none")
    return tuple(found for key in keys if (found := _key(key)) is not None)


def authorization_url(metadata: Metadata, question: Question) -> str:
    """Return where a browser is sent to sign in (Core 1.0 section 3.1.2.1, RFC 7636 section 4.3)."""
    challenge = _encoded(hashlib.sha256(question.verifier.encode()).digest())
    asked = {
        "response_type": "code",
        "scope": "openid",
        "client_id": question.client_id,
        "redirect_uri": question.redirect_uri,
        "state": question.state,
        "nonce": question.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if question.max_age is not None:
        asked["max_age"] = str(question.max_age)
        if question.max_age == 0:
            asked["prompt"] = "login"
    if question.acr is not None:
        asked["acr_values"] = question.acr
        asked["claims"] = _json({"id_token": {"acrs": {"essential": True, "value": question.acr}}})
    separator = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
    return metadata.authorization_endpoint + separator + urlencode(asked)


def read_state(parameters: Parameters) -> str:
    """Return which login an answer says that it is of.

    Raises: ProviderAnswerError.
    """
    state = _single(parameters, "state")
    if state is None:
        raise ProviderAnswerError("the state is missing")
    return state


def read_code(parameters: Parameters, *, issuer: str, metadata: Metadata) -> str:
    """Return the code of an answer that is our provider's.

    Raises: ProviderAnswerError: another provider's (RFC 9207 section 2.4), an error (RFC 6749 section 4.1.2.1), or
        none at all.
    """
    said = _single(parameters, "iss")
    if said is None and metadata.says_issuer:
        raise ProviderAnswerError("the answer does not say which provider it is of")
    if said not in (None, issuer):
        raise ProviderAnswerError("the answer is of another provider")
    if _single(parameters, "error") is not None:
        raise ProviderAnswerError("the provider answered with an error")
    code = _single(parameters, "code")
    if code is None or len(code) > _CODE_CHARS:
        raise ProviderAnswerError("the code is missing or too long")
    return code


def read_token_answer(body: bytes) -> str:
    """Return the ID token of a token endpoint's answer (Core 1.0 section 3.1.3.3).

    Raises: ProviderAnswerError, there is none: an access token says nothing of who somebody is.
    """
    token = read_object(body).get("id_token")
    if not isinstance(token, str):
        raise ProviderAnswerError("the ID token is missing")
    return token


def read_token(
    compact: str, *, types: Collection[str | None], algorithms: Collection[str]
) -> UnverifiedToken:
    """Read a signed token of one kind.

    Args:
        types: accepted ``typ`` values in lower case; None: may be absent.
        algorithms: what it may be signed with.

    Raises: ProviderAnswerError.
    """
    if len(compact) > TOKEN_CHARS or _COMPACT.fullmatch(compact) is None:
        raise ProviderAnswerError("the token is no signed one")
    head, payload, _ = compact.split(".")
    header = _segment(head)
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise ProviderAnswerError("the token's algorithm is not on our list")
    if not (key_id is None or isinstance(key_id, str)):
        raise ProviderAnswerError("the token's kid is not text")
    if "crit" in header or "b64" in header:
        raise ProviderAnswerError("the token calls an extension critical")
    if (kind.lower().removeprefix("application/") if isinstance(kind, str) else kind) not in types:
        raise ProviderAnswerError("the token is of another type")
    return UnverifiedToken(compact, algorithm, key_id, _segment(payload))


def verify(token: UnverifiedToken, keys: Collection[ProviderKey]) -> Claims:
    """Return the claims of a token that one of the keys signed.

    Raises: UnknownKeyError, none of them is the one it names; ProviderAnswerError.
    """
    fitting = [key for key in keys if key.fits(token.algorithm)]
    named = [key for key in fitting if key.key_id == token.key_id] if token.key_id is not None else fitting
    if not named:
        raise UnknownKeyError("the token is signed with a key that we do not know")
    if len(named) > 1:
        raise ProviderAnswerError("the token does not say which key signed it")
    registry = _Registry(algorithms=[token.algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(token.compact, named[0].key, registry=registry)
    except (LibraryError, ValueError, TypeError, RecursionError) as error:
        raise ProviderAnswerError("the token's signature does not verify") from error
    return token.claims


def read_own_key(data: bytes) -> OwnKey:
    """Return the key that we sign assertions with, from a private JWK: EC P-256 (ES256) or RSA (PS256).

    Raises: ProviderAnswerError, it is none.
    """
    members = read_object(data)
    kinds: dict[JsonValue, type[RSAKey | ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    public = {name: members[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in members}
    try:
        sanitise_jwks({"keys": [public]})
        key = kinds[public.get("kty")].import_key(
            {name: value for name, value in members.items() if isinstance(value, str)}
        )
    except (JwkError, LibraryError, LookupError, ValueError, TypeError) as error:
        raise ProviderAnswerError("not a JWK of a key that signs") from error
    if not key.is_private:
        raise ProviderAnswerError("not a private key")
    told = {name: value for name in ("kid", "x5t#S256") if isinstance(value := members.get(name), str)}
    return OwnKey(key, {"alg": _OWN_ALGORITHMS[key.key_type], "typ": "JWT", **told})


def client_assertion(own: OwnKey, *, client_id: str, audience: str, now: datetime) -> str:
    """Return a signed word that we are this client, good for a minute and once (RFC 7523 section 3)."""
    issued = int(now.timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": secrets.token_urlsafe(16),
        "iat": issued,
        "exp": issued + _ASSERTION_SECONDS,
    }
    registry = _Registry(algorithms=[own.header["alg"]], strict_check_header=False)
    return jws.serialize_compact(dict(own.header), _json(claims), own.key, registry=registry)


def basic_authorization(client_id: str, secret: str) -> str:
    """Return the header by which a client shows its secret (RFC 6749 section 2.3.1)."""
    both = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(both.encode()).decode()


def read_object(body: bytes) -> Mapping[str, JsonValue]:
    """Return a JSON object that a provider sent.

    Raises: ProviderAnswerError.
    """
    try:
        value = parse_json(body, max_bytes=len(body))
    except StrictJsonError as error:
        raise ProviderAnswerError("an answer is not JSON") from error
    if not isinstance(value, dict):
        raise ProviderAnswerError("an answer is not a JSON object")
    return value


def _key(jwk: JsonValue) -> ProviderKey | None:
    """One key of a set; nothing for one that is for something else, weak, or of a kind that we do not use."""
    if not isinstance(jwk, dict) or jwk.get("use") != "sig" or jwk.get("kty") not in _OWN_ALGORITHMS:
        return None
    key_id, algorithm = jwk.get("kid"), jwk.get("alg")
    if not (key_id is None or isinstance(key_id, str)) or not (
        algorithm is None or isinstance(algorithm, str)
    ):
        return None
    unnamed = {name: value for name, value in jwk.items() if name not in {"kid", "use", "alg"}}
    try:
        (members,) = sanitise_jwks({"keys": [unnamed]})["keys"]
    except JwkError:
        return None
    kind = RSAKey if members["kty"] == "RSA" else ECKey
    plain: dict[str, str | list[str]] = {name: value for name, value in members.items() if name != "kid"}
    return ProviderKey(key_id, algorithm, kind.import_key(plain))


def _address(document: Mapping[str, JsonValue], name: str) -> str:
    value = document.get(name)
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        secure = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        secure = False
    if not isinstance(value, str) or not secure or {"#", "@", " "} & set(value) or not value.isascii():
        raise ProviderAnswerError(f"{name} is no https address")
    return value


def _single(parameters: Parameters, name: str) -> str | None:
    """A parameter that is given once; None: not at all, or empty (RFC 6749 section 3.1).

    Raises: ProviderAnswerError, it is given twice.
    """
    values = parameters.get(name, ())
    if len(values) > 1:
        raise ProviderAnswerError(f"{name} is given twice")
    return values[0] or None if values else None


def _segment(segment: str) -> Mapping[str, JsonValue]:
    try:
        data = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
        value = parse_json(data, max_bytes=TOKEN_CHARS, max_depth=_MAX_DEPTH)
    except (binascii.Error, StrictJsonError) as error:
        raise ProviderAnswerError("a part of the token is not JSON in base64url") from error
    if not isinstance(value, dict):
        raise ProviderAnswerError("a part of the token is not a JSON object")
    return value


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
