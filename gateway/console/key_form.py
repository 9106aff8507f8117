"""What is typed to replace a key: one public key, and the last day of the old ones. Pure.

INVARIANT: what was pasted is never shown again unless it is one public key: somebody may have pasted a private one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from gateway.console.consent_form import Form, Wrong, typed_date
from gateway.oauth.errors import RegistrationError
from gateway.oauth.key_set import parse_key_set
from gateway.oauth.model import Thumbprint
from gateway.oauth.registration import checked_keys

KEY, LAST = "key", "last"
LONGEST: Final = timedelta(days=366)
"""How long old keys may go on beside a new one."""
_PARTS: Final = ("day", "month", "year")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key in the place of others.

    Attributes:
        last_day: of the old keys, in London.
        members: public ones alone.
    """

    thumbprint: Thumbprint
    members: Mapping[str, str]
    last_day: date

    @property
    def ends_on(self) -> date:
        """The first day on which the old keys open nothing."""
        return self.last_day + timedelta(days=1)

    @property
    def carried(self) -> dict[str, str]:
        """The fields that say the same again."""
        last = self.last_day
        days = dict(zip(_PARTS, (last.day, last.month, last.year), strict=True))
        return {
            KEY: key_text(self.members),
            **{f"{LAST}-{part}": str(value) for part, value in days.items()},
        }


def key_text(members: Mapping[str, str]) -> str:
    """A key as it is typed."""
    return json.dumps(members, sort_keys=True)


def read_new_key(form: Form, *, today: date) -> NewKey | Wrong:
    """Return the key that was typed, or what is wrong with it.

    Args:
        today: in London.
    """
    found = pasted_key(form)
    if isinstance(found, Wrong):
        return found
    last = typed_date(form, LAST)
    if last is None:
        return Wrong(f"{LAST}-day", "Enter the last day on which the old key is accepted.")
    if isinstance(last, str):
        return Wrong(f"{LAST}-{last}", "Enter a day that exists.")
    if not today <= last <= today + LONGEST:
        return Wrong(f"{LAST}-day", "Enter today, or a day within a year from now.")
    return NewKey(*found, last)


def pasted_key(form: Form) -> tuple[Thumbprint, Mapping[str, str]] | Wrong:
    """Return thumbprint and members of the one public key that was pasted, or what is wrong with it."""
    pasted = form.one(KEY)
    if not pasted:
        return Wrong(KEY, "Paste the new public key.")
    try:
        keys = checked_keys(parse_key_set(pasted.encode("utf-8", "surrogatepass")))
    except RegistrationError as error:
        if "private" in str(error):
            sentence = (
                "This is a private key, which is in wrong hands now: the agency has to make another one."
            )
            return Wrong(KEY, sentence)
        return Wrong(
            KEY, "Paste one public key (JWK), or a key set with one (JWKS), of a kind that is accepted."
        )
    if len(keys) != 1:
        return Wrong(KEY, "Paste exactly one key.")
    return keys[0]
