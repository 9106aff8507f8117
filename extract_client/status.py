"""What the gateway says about a copy: three words, signed, good for a few minutes.

INVARIANT: an answer is believed only with the gateway's own signature, of this kind, about this copy, to this client, in
date; a token of the gateway's is never taken for one.

Sources: RFC 7515, RFC 8725 section 3.11.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from extract_client.errors import UnexpectedAnswerError

TYPE: Final = "extract-status+jwt"
NEITHER: Final = "neither"


def verified_status(
    answer: Mapping[str, Any],
    *,
    keys: Sequence[Mapping[str, Any]],
    issuer: str,
    client_id: str,
    extract_id: str,
    now: float,
) -> str:
    """Return what the copy is: ``current``, ``permitted`` or ``neither``.

    Args:
        answer: the body of ``GET /v1/extracts/{id}/status``.
        keys: the gateway's published keys.
        now: seconds since 1970.

    Raises: UnexpectedAnswerError, anything about it is not as it should be.
    """
    try:
        compact = str(answer["signature"]).encode("ascii")
        header = jws.extract_compact(compact).headers()
        (key,) = (one for one in keys if one.get("kid") == header["kid"])
        signed = jws.deserialize_compact(compact, ECKey.import_key(dict(key)), algorithms=["ES256"])
        claims = json.loads(signed.payload)
        named = (claims["iss"], claims["aud"], claims["sub"], claims["status"])
        expected = (issuer, client_id, extract_id.lower(), answer["status"])
        is_good = header["typ"] == TYPE and named == expected and now < claims["exp"]
    except (AttributeError, JoseError, LookupError, TypeError, ValueError) as error:
        raise UnexpectedAnswerError("The gateway's answer about the copy is not signed by it.") from error
    if not is_good:
        raise UnexpectedAnswerError("The gateway's answer is not about this copy, or not of now.")
    return str(claims["status"])
