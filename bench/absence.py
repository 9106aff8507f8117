"""How long it takes to be told nothing: the distributions of every reason for a 404, side by side.

INVARIANTS
- The reasons take turns, in another order each round, so that whatever else the machine does slows each alike.
- Nothing is asserted of time; how far a distribution lies from that of an unknown reference is printed.
"""

import logging
import random
import sys
import tempfile
from bisect import bisect_right
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, sleep
from typing import Final

import click
import structlog

from gateway import migrations
from gateway.ops.embedded import EmbeddedPostgres
from tests.canary.test_absence import ABSENCES
from tests.support.served import served
from tests.support.throwaway import new_database

SEED: Final = 1
UNKNOWN: Final = "unknown ref"


def distance(one: list[float], other: list[float]) -> float:
    """The greatest difference between two distributions (Kolmogorov-Smirnov): 0, the same; 1, nothing in common."""
    first, second = sorted(one), sorted(other)
    return max(
        abs(bisect_right(first, at) / len(first) - bisect_right(second, at) / len(second))
        for at in first + second
    )


@click.command()
@click.option(
    "--rounds", default=200, show_default=True, type=click.IntRange(min=10), help="Requests of each reason."
)
def main(rounds: int) -> None:
    """Ask, over HTTP inside this process, for what is not there, for every reason for which it is not."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    chance = random.Random(SEED)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        server = stack.enter_context(EmbeddedPostgres.start(folder / "database", durable=True))
        template = stack.enter_context(new_database(server))
        migrations.upgrade(template.owner_url)
        gateway = stack.enter_context(served(server, template, folder))
        for kind in ("camhs", "health", "commissioning", "police"):
            gateway.world.join(kind)
            gateway.token(kind)
        asked = {
            name: each.prepare(gateway, f"AB-{place}") for place, (name, each) in enumerate(ABSENCES.items())
        }
        times: dict[str, list[float]] = {name: [] for name in asked}
        with click.progressbar(length=rounds * len(asked), label="asking", file=sys.stderr) as bar:
            for _ in range(rounds):
                for name in chance.sample(sorted(asked), len(asked)):
                    absence = ABSENCES[name]
                    while True:
                        began = perf_counter()
                        answer = gateway.pull(absence.agency, asked[name], purpose=absence.purpose)
                        took = perf_counter() - began
                        if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                            break
                        sleep(1)
                    times[name].append(took * 1_000)
                    if answer.status_code != HTTPStatus.NOT_FOUND:
                        raise click.ClickException(f"{name} was answered with {answer.status_code}.")
                    bar.update(1)
    click.echo(f"{rounds} requests of each reason; ms; distance from an unknown reference, 0 to 1")
    click.echo(f"{'reason':34} {'median':>8} {'p10':>8} {'p90':>8} {'distance':>9}")
    for name, taken in times.items():
        tenths = quantiles(taken, n=10)
        far = distance(taken, times[UNKNOWN])
        click.echo(f"{name:34} {median(taken):8.2f} {tenths[0]:8.2f} {tenths[-1]:8.2f} {far:9.3f}")


if __name__ == "__main__":
    main()
