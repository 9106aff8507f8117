"""Reading access tokens with what one process knows: its settings, our public keys, signatures checked before.

INVARIANTS
- Of a token only the outcome of its signature check is remembered, and only so many.
- A kid is a thumbprint, so a key that is kept can never become wrong; whether it is still published is asked
  of the database on every request, in the statement that reads the client.
"""

from dataclasses import dataclass, field
from datetime import datetime

from joserfc.jwk import ECKey

from gateway.oauth import keys
from gateway.oauth.tokens import SignatureMemory, VerifiedToken, verify_token
from gateway.wiring import Wiring


@dataclass(frozen=True, slots=True)
class TokenReader:
    """Reads tokens of ours; one per process.

    Attributes:
        memory: tokens whose signature verified before.
        public_keys: our public keys by kid.
    """

    wiring: Wiring
    memory: SignatureMemory = field(default_factory=SignatureMemory)
    public_keys: dict[str, ECKey] = field(default_factory=dict)

    def read(self, token: str, *, now: datetime) -> VerifiedToken:
        """Return what a token of ours grants, if it is in date.

        Raises: InvalidTokenError.
        """
        settings = self.wiring.settings
        return verify_token(
            token,
            key_of=self._key,
            memory=self.memory,
            issuer=settings.issuer,
            resource=settings.resource,
            now=now,
        )

    def _key(self, kid: str) -> ECKey | None:
        if kid not in self.public_keys:
            with self.wiring.autocommit.connect() as connection:
                found = keys.public_key(connection, kid)
            if found is None:
                return None
            self.public_keys[kid] = found
        return self.public_keys[kid]
