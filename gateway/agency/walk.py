"""Asking for an agency's application, one question after the other, and writing the answers down as its data file.

INVARIANT: what the questions lead to is a file that ``read_application`` reads: there is one way in.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from agencies.model import AgencyKind
from agencies.register import PractitionerPolicy
from gateway.oauth.model import NameKind

_SCOPES: Final = ("extract:read", "panel:read")
_DAYS: Final = 365


def walk_through() -> Path:
    """Ask for everything an application says, write it to ``CODE.toml`` here, and return that file."""
    click.echo("Step 1 of 4: the agency")
    code = click.prompt("Code (a-z, 0-9, hyphens)")
    kind = click.prompt("Kind", type=click.Choice([one.value for one in AgencyKind]))
    lines = ["format = 1", f"code = {_text(code)}", f"kind = {_text(kind)}"]
    lines.append(f"name = {_text(click.prompt('Name'))}")
    agreement = _agreement()
    people = _people()
    client = _client()
    file = Path(f"{code}.toml" if code.replace("-", "").isalnum() else "agency.toml")
    file.write_text("\n".join([*lines, *people, "", *agreement, "", *client, ""]), "utf-8")
    click.echo(f"Your answers are in {file}.")
    return file


def _agreement() -> Iterable[str]:
    click.echo("Step 2 of 4: the data sharing agreement")
    start = _day("First day", default=datetime.now().astimezone().date())
    end = _day("Day on which it no longer holds", default=start + timedelta(days=_DAYS))
    return (
        "[agreement]",
        f"reference = {_text(click.prompt('Reference of the agreement'))}",
        f"assessment = {_text(click.prompt('Reference of the impact assessment'))}",
        f"valid_from = {start}",
        f"valid_until = {end}",
        f"review_on = {_day('Day of the next review of its sharing profile', default=end)}",
    )


def _people() -> Iterable[str]:
    click.echo("Step 3 of 4: its practitioners")
    policy = click.prompt(
        "Does the council keep their list (registered), or does the agency vouch for them (asserted)?",
        type=click.Choice([one.value for one in PractitionerPolicy]),
        default=PractitionerPolicy.REGISTERED.value,
    )
    lines = [f"practitioners = {_text(policy)}"]
    if click.confirm("Is there a list (CSV)?", default=policy == PractitionerPolicy.REGISTERED):
        lines.append(f"register = {_file('File')}")
    return lines


def _client() -> Iterable[str]:
    click.echo("Step 4 of 4: its system")
    scopes = ", ".join(map(_text, click.prompt("Scopes", default=" ".join(_SCOPES)).split()))
    lines = ["[client]", f"scopes = [{scopes}]"]
    brings = click.prompt("It brings", type=click.Choice(["keys", "request", "certificate"]), default="keys")
    lines.append(f"{brings} = {_file('File')}")
    if brings == "certificate":
        lines.append(f"authorities = {_file('File of its authority')}")
        kind = click.prompt(
            "Its name stands in",
            type=click.Choice([one.value for one in NameKind]),
            default=NameKind.DNS.value,
        )
        lines += [f"name_kind = {_text(kind)}", f"name = {_text(click.prompt('Its name'))}"]
    return lines


def _day(question: str, *, default: date) -> date:
    answer: datetime = click.prompt(question, type=click.DateTime(["%Y-%m-%d"]), default=default.isoformat())
    return answer.date()


def _file(question: str) -> str:
    return _text(str(click.prompt(question, type=click.Path(exists=True, dir_okay=False, resolve_path=True))))


def _text(value: str) -> str:
    """A TOML basic string (TOML 1.0, section String)."""
    escaped = "".join(_escaped(symbol) for symbol in value)
    return f'"{escaped}"'


def _escaped(symbol: str) -> str:
    if symbol in '"\\':
        return f"\\{symbol}"
    return f"\\u{ord(symbol):04X}" if symbol < " " or symbol == "\x7f" else symbol
