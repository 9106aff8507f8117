"""Words, numbers and days of which each is issued once, for one family.

INVARIANT: what one family's mint issues no other family's does: the family's letter or number is in it.
"""

from dataclasses import dataclass
from datetime import date, timedelta

LETTERS = "bcdfghjklmnprtvwz"
"""No vowels: nothing issued is a word of any text of ours."""
UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_INWARD = "ABDEFGHJLNPQRSTUWXYZ"
_PER_FAMILY = 2_000


@dataclass
class Mint:
    """Issues for the family of one place in the corpus, 0 to 12."""

    place: int
    _issued: int = 0
    _born: int = 0
    _sessions: int = 0

    def number(self) -> int:
        """The family's next whole number, from 1."""
        self._issued += 1
        assert self._issued < _PER_FAMILY
        return self.place * _PER_FAMILY + self._issued

    def word(self) -> str:
        """A word of ten letters that nobody else has."""
        number, letters = self.number(), ""
        for _ in range(6):
            number, digit = divmod(number, len(LETTERS))
            letters += LETTERS[digit]
        return f"Zqx{letters}k"

    def past(self) -> str:
        """A day before 2004."""
        return (date(2003, 12, 31) - timedelta(days=self.number())).isoformat()

    def born(self) -> str:
        """A day on which a child was born, from 2004 on."""
        self._born += 1
        return (date(2004, 1, 1) + timedelta(days=self.place * 100 + self._born)).isoformat()

    def future(self) -> str:
        """A day after 2030."""
        return (date(2031, 1, 1) + timedelta(days=self.number())).isoformat()

    def digits(self, form: str) -> str:
        """An identifier that is a number and nothing else."""
        return form.format(self.number())

    def nhs_number(self) -> str:
        """A number of the synthetic range 999 whose check digit is right (Modulus 11)."""
        while True:
            serial = f"9990{self.number():05d}"
            check = (11 - sum(w * int(d) for w, d in zip(range(10, 1, -1), serial, strict=True)) % 11) % 11
            if check < 10:
                return f"{serial}{check}"

    def upn(self) -> str:
        """A permanent pupil number with its check letter (sum of place x digit, modulo 23)."""
        body = f"209999{self.number():06d}"
        return UPN_LETTERS[sum(place * int(d) for place, d in enumerate(body, start=2)) % 23] + body

    def postcode(self) -> str:
        """A postcode, as it is written."""
        number = self.number()
        place, letters = divmod(number, 400)
        inward = _INWARD[letters // 20] + _INWARD[letters % 20]
        return f"SE{place // 10 + 1} {place % 10}{inward}"

    def sessions(self) -> int:
        """A number of school sessions, each lower than the last; so small that it is looked for as a number alone."""
        self._sessions += 1
        return 998 - self._sessions


def respaced(text: str) -> str:
    """The text with a space between all of its signs."""
    return " ".join(text)


def recased(text: str) -> str:
    """The text with every second sign's case turned."""
    return "".join(sign.swapcase() if place % 2 else sign for place, sign in enumerate(text))


def halves(text: str) -> tuple[str, str]:
    """The text cut in two."""
    middle = len(text) // 2
    return text[:middle], text[middle:]
