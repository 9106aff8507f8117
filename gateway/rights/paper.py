"""The statement as paper: one self-contained HTML page in plain English.

INVARIANTS
- The page asks for nothing from anywhere and runs nothing; black on white, nothing is said by colour.
- It says what the signed text says, and how to check it; it names nobody.
- What is on the screen alone, the ways to other forms of the same statement, is not printed.

Sources: UK GDPR Art. 12(1) and 15(1); Accessible Information Standard (DCB1605), large print; WCAG 2.2, 1.3.1, 3.1.1.
"""

from datetime import date
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.calendar import said_day
from gateway.rights.model import View
from gateway.rights.service import Statement

_TEMPLATE: Final = Environment(
    loader=PackageLoader("gateway.rights"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
).get_template("statement.html")


def render(statement: Statement, *, address: str, large_print: bool) -> bytes:
    """Return the page.

    Args:
        address: of this page without its choices.
    """
    body = statement.body
    aloud = body["view"] == View.ALOUD
    return _TEMPLATE.render(
        large_print=large_print,
        whom="your child" if body["about"] == "child" else "you",
        council=body["council"],
        made_on=said_day(date.fromisoformat(str(body["made_on"]))),
        lines=body["lines"],
        damaged="damaged" in body,
        code=statement.code,
        signed=statement.note is not None,
        vkey=statement.vkey,
        commands=statement.commands,
        address=address,
        aloud=aloud,
    ).encode()
