"""``gateway profile simulate``: what a profile would have changed in the releases of the last days.

INVARIANT: nothing is told before its entry is committed; of families only counts are told, and our own ids to a program.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from agencies import repository
from agencies.errors import AgenciesError
from agencies.model import AgencyCode, Profile
from agencies.profile_text import parse_profile
from gateway.commands import command_actor, command_wiring
from gateway.disclosure_log.errors import NotAppendedError
from gateway.release.impact import FieldImpact, Impact, Obstacle, document, pulls, sentences
from gateway.release.simulation import LONGEST_DAYS, Progress
from gateway.release.simulation import simulate as replayed
from gateway.wiring import Wiring

_DEFAULT_DAYS = 30
_HEAD = ("field", "lost", "families", "gained", "families", "at once")
_WHY = {
    Obstacle.DAMAGED: "a stored value of them cannot be read",
    Obstacle.ERASED: "their families are being erased",
    Obstacle.GONE: "their cases are gone",
    Obstacle.OTHERWISE: "they were decided while something changed",
}


@click.command(name="simulate")
@click.argument("candidate", metavar="FILE|CODE")
@click.argument("version", type=click.IntRange(min=1), required=False)
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), default=_DEFAULT_DAYS, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def simulate(*, candidate: str, version: int | None, days: int, as_json: bool) -> None:
    """Tell what FILE, or the stored VERSION of the agency CODE, would have changed in the releases of the last days.

    Each release to the agency is decided again on the facts as they were, over the record as it stands today, as if
    everybody who agreed had been shown this profile. That somebody looked is on record. Nothing becomes effective.
    """
    with command_wiring() as wiring, _plain_faults():
        profile = _of_file(Path(candidate)) if version is None else _stored(wiring, candidate, version)
        with _bar() as progress:
            impact = replayed(wiring, profile, days=days, actor=command_actor(), progress=progress)
    click.echo(json.dumps(document(impact), indent=2) if as_json else "\n".join(_lines(impact)))


def _of_file(path: Path) -> Profile:
    try:
        return parse_profile(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise click.ClickException("The file is not text in UTF-8.") from error
    except (OSError, ValueError) as error:
        raise click.ClickException(
            "There is no such file; of a stored profile, give CODE and VERSION."
        ) from error


def _stored(wiring: Wiring, code: str, version: int) -> Profile:
    found = None
    if code.isascii() and code.isprintable():
        with wiring.engine.connect() as connection:
            found = repository.profile_document(connection, AgencyCode(code), version=version)
    if found is None:
        raise click.ClickException("There is no such agency or profile version.")
    return parse_profile(found)


@contextmanager
def _bar() -> Iterator[Progress]:
    """Show on standard error how far it is, where somebody looks; standard output stays the answer's alone."""
    with ExitStack() as shown:
        bars: list[Any] = []

        def tell(done: int, total: int) -> None:
            if not bars:
                bar = click.progressbar(length=total, label=f"Replaying {total} releases", file=sys.stderr)
                bars.append(shown.enter_context(bar))
            bars[0].update(done - bars[0].pos)

        yield tell


def _lines(impact: Impact) -> Iterator[str]:
    """The answer as a table, then as sentences, then what it does not cover."""
    scope = impact.scope
    yield f"Version {scope.version} of {scope.agency}, the last {scope.days} days."
    yield f"Replayed: {pulls(impact.replayed)}."
    if impact.changed:
        yield from ["", *_table([_HEAD, *(_row(each) for each in impact.changed)]), ""]
        yield from sentences(impact)
    else:
        yield "Nothing would have been told otherwise."
    if impact.refused.releases:
        yield f"Refused would have been {pulls(impact.refused)}: nothing would have been left."
    for why, count in impact.not_replayed.items():
        if count:
            yield f"Not replayed: {count}, because {_WHY[why]}."
    if scope.untraced:
        yield f"Not known: {scope.untraced} entries of families erased since, whoever got them."


def _row(each: FieldImpact) -> tuple[str, ...]:
    counts = (
        each.lost.releases,
        each.lost.families,
        each.gained.releases,
        each.gained.families,
        each.gained_at_once.releases,
    )
    return (each.field, *map(str, counts))


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *counts in rows:
        yield "  ".join(
            [first.ljust(widths[0]), *(n.rjust(w) for n, w in zip(counts, widths[1:], strict=True))]
        )


@contextmanager
def _plain_faults() -> Iterator[None]:
    """Turn what cannot be replayed into one sentence for the operator."""
    try:
        yield
    except AgenciesError as error:
        raise click.ClickException(str(error)) from error
    except NotAppendedError as error:
        raise click.ClickException("The log cannot be written; nothing was replayed. Try again.") from error
