"""Identifiers of people, places and organisations: normal forms and check digits.

INVARIANT: a function returns the normal form or raises IdentifierError; there is no boolean to ignore.
INVARIANT: only ASCII digits and letters count; a digit of another script is refused, not converted.
INVARIANT: no error holds the text that was refused.
INVARIANT: synthetic NHS numbers (range 999) and real ones never mix: each mode refuses the other's.

Pure: standard library only, no clock, no I/O.
"""

import re

from agencies.errors import IdentifierError

# 23 letters, I, O and S left out; A=0 .. Z=22 (DfE UPN guide).
_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_UPN = re.compile(rf"[{_UPN_LETTERS}][0-9]{{11}}[0-9{_UPN_LETTERS}]")
_NHS_NUMBER = re.compile(r"[0-9]{10}")
_POSTCODE = re.compile(
    r"(GIR 0AA|[A-PR-UWYZ]([0-9]{1,2}|[A-HK-Y][0-9]([0-9ABEHMNPRV-Y])?|[0-9][A-HJKPS-UW])"
    r" [0-9][ABD-HJLNP-UW-Z]{2})"
)
NO_FIXED_ABODE = "ZZ99 3VZ"
"""NHS pseudo-postcode: no fixed abode."""
ADDRESS_UNKNOWN = "ZZ99 3WZ"
"""NHS pseudo-postcode: address not known."""
PSEUDO_POSTCODES = frozenset({NO_FIXED_ABODE, ADDRESS_UNKNOWN})
"""Codes that stand in for a postcode; they say something about a person, not a place."""

_UPRN = re.compile(r"[0-9]{1,12}")
_URN = re.compile(r"[1-9][0-9]{5}")
# ITU-T E.164: at most 15 digits, the country code never begins with 0.
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_EMAIL_DOMAIN = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
_SNOMED = re.compile(r"[1-9][0-9]{5,17}")
_WARD = re.compile(r"E05[0-9]{6}")
_LONGEST_LOCAL = 64
_LONGEST_EMAIL = 254


def nhs_number(text: str, *, synthetic: bool) -> str:
    """Ten digits whose Modulus 11 check digit is right, spaces and hyphens removed.

    Args:
        text: the number as written.
        synthetic: True accepts the 999 test range only; False accepts everything but that range.

    Raises: IdentifierError.
    Source: NHS Data Dictionary, NHS NUMBER (Modulus 11); range 999 is reserved for test data.
    """
    digits = text.replace(" ", "").replace("-", "")
    if not _NHS_NUMBER.fullmatch(digits):
        raise IdentifierError("an NHS number has ten digits")
    if len(set(digits)) == 1:
        # All ten repeated-digit numbers pass Modulus 11.
        raise IdentifierError("an NHS number is never one digit repeated")
    weighted = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=False))
    expected = (11 - weighted % 11) % 11
    if expected != int(digits[9]):  # 10 equals no digit: such a number was never issued
        raise IdentifierError("the check digit of the NHS number is wrong")
    if digits.startswith("999") is not synthetic:
        raise IdentifierError(
            "only synthetic NHS numbers (range 999) are accepted here"
            if synthetic
            else "synthetic NHS numbers (range 999) are not accepted here"
        )
    return digits


def upn(text: str) -> str:
    """A unique pupil number of 13 characters whose check letter is right, in capitals.

    Raises: IdentifierError.
    Source: DfE, Unique pupil numbers guide: check letter = sum of position x value over positions
        2 to 13, modulo 23; a temporary number ends in a letter.
    """
    letters = text.strip(" ").upper() if text.isascii() else ""
    if not _UPN.fullmatch(letters):
        raise IdentifierError("a UPN is a letter, eleven digits and a digit or letter, without I, O and S")
    weighted = sum(place * _upn_value(symbol) for place, symbol in enumerate(letters[1:], start=2))
    if _UPN_LETTERS[weighted % 23] != letters[0]:
        raise IdentifierError("the check letter of the UPN is wrong")
    return letters


def upn_is_temporary(number: str) -> bool:
    """True when a normalised UPN is of the temporary form (its last character is a letter)."""
    return number[-1] in _UPN_LETTERS


def _upn_value(symbol: str) -> int:
    """A digit's own value, or a letter's place in the 23-letter alphabet."""
    return int(symbol) if symbol.isdigit() else _UPN_LETTERS.index(symbol)


def postcode(text: str) -> str:
    """A United Kingdom postcode, or one of the two pseudo-codes, in capitals with one space.

    Raises: IdentifierError.
    Source: BS 7666 pattern; NHS pseudo-codes ZZ99 3VZ and ZZ99 3WZ.
    """
    letters = text.replace(" ", "").upper() if text.isascii() else ""
    normal = f"{letters[:-3]} {letters[-3:]}"
    if normal in PSEUDO_POSTCODES or _POSTCODE.fullmatch(normal):
        return normal
    raise IdentifierError("not a postcode")


def uprn(text: str) -> str:
    """A unique property reference number: 1 to 12 digits, leading zeros removed. It has no check digit.

    Raises: IdentifierError.
    """
    normal = text.lstrip("0") if _UPRN.fullmatch(text) else ""
    if not normal:
        raise IdentifierError("a UPRN has 1 to 12 digits and is not zero")
    return normal


def urn(text: str) -> str:
    """A school's unique reference number: six digits.

    Raises: IdentifierError.
    """
    if not _URN.fullmatch(text):
        raise IdentifierError("a school's URN has six digits")
    return text


def phone(text: str) -> str:
    """A telephone number in E.164 form, spaces and hyphens removed.

    Raises: IdentifierError, also for +44 followed by the trunk 0 that is dropped abroad.
    """
    number = text.replace(" ", "").replace("-", "")
    if not _PHONE.fullmatch(number) or number.startswith("+440"):
        raise IdentifierError("a telephone number is written in E.164 form, + and the country code first")
    return number


def email(text: str) -> str:
    """An e-mail address, unchanged. The domain must have a dot.

    Raises: IdentifierError.
    Source: RFC 5321 section 4.1.2 dot-atom form, lengths of section 4.5.3.1.
    """
    local, at, domain = text.rpartition("@")
    well_formed = at and _EMAIL_LOCAL.fullmatch(local) and _EMAIL_DOMAIN.fullmatch(domain)
    if not well_formed or len(local) > _LONGEST_LOCAL or len(text) > _LONGEST_EMAIL:
        raise IdentifierError("not an e-mail address")
    return text


def ward(text: str) -> str:
    """The GSS code of an electoral ward in England (E05 and six digits).

    Raises: IdentifierError.
    """
    if not _WARD.fullmatch(text):
        raise IdentifierError("a ward is a GSS code, E05 and six digits")
    return text


def snomed(text: str) -> str:
    """A SNOMED CT concept id: 6 to 18 digits. Whether the concept exists is not checked.

    Raises: IdentifierError.
    """
    if not _SNOMED.fullmatch(text):
        raise IdentifierError("a SNOMED CT id has 6 to 18 digits")
    return text
