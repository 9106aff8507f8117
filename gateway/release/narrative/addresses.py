"""The forms in which a known address may be written. Pure.

INVARIANTS
- A number with its street is always looked for; a street alone only where its name is distinctive, or shielded.
- A town is looked for only where the address is shielded.
"""

import re
from collections.abc import Sequence
from itertools import product
from typing import Final

from gateway.release.narrative.known import SAINT, Building, Case, Found, Pieces, Source, written
from gateway.release.narrative.patterns import POSTCODE
from gateway.release.narrative.reading import Gap, Reading
from gateway.release.narrative.words import COMMON_STREETS, FLAT_WORDS, STREET_TYPES, UBIQUITOUS

_STREETS: Final = {short: forms for forms in STREET_TYPES.values() for short in forms}
_FLATS: Final = dict.fromkeys(FLAT_WORDS, (*FLAT_WORDS, ""))
_NUMBER: Final = re.compile(r"[0-9]")


def postcode_forms(source: Source) -> Found:
    """The postcode of an address; of a shielded one its district as well."""
    code = POSTCODE.search(source.reading.plain)
    if code:
        yield (code["district"].lower(), code["inward"].lower()), Case.ANY
        if source.shielded:
            yield (code["district"].lower(),), Case.ANY


def segments_of(reading: Reading) -> list[Pieces]:
    """The parts of an address without its postcode: where a comma stands, and where a number begins another."""
    code = POSTCODE.search(reading.plain)
    segments: list[Pieces] = []
    for run, gap in enumerate(reading.gaps):
        if code and code.start() <= reading.opens[run] < code.end():
            continue
        piece = reading.lower[reading.firsts[run] : reading.firsts[run + 1]]
        of_a_flat = bool(segments) and segments[-1][-1] in FLAT_WORDS
        of_a_saint = bool(segments) and segments[-1][-1] in SAINT and gap is Gap.STOP
        parted = gap in {Gap.COMMA, Gap.STOP, Gap.BREAK} and not of_a_saint
        begins = parted or (_NUMBER.search(piece) and not of_a_flat)
        if segments and gap is Gap.MARK and piece == "s":
            segments[-1] = (*segments[-1][:-1], f"{segments[-1][-1]}s")
        elif begins or not segments:
            segments.append((piece,))
        else:
            segments[-1] = (*segments[-1], piece)
    return segments


def buildings_of(segments: Sequence[Pieces]) -> list[Building]:
    """The streets, buildings and localities that an address names."""
    found: list[Building] = []
    dwelling: Pieces = ()
    for segment in segments:
        number = segment[:1] if _NUMBER.search(segment[0]) else ()
        name = segment[len(number) :]
        if not name or segment[0] in FLAT_WORDS:
            dwelling += segment
            continue
        house, within = (number, dwelling) if number else (dwelling[-1:], dwelling[:-1])
        doors = [house] if house else []
        if within:
            spelt = product(*(_FLATS.get(each, (each,)) for each in within))
            doors += [(*filter(None, some), *house) for some in spelt]
        ends = [at for at in range(1, len(name)) if name[at] in _STREETS]
        for at in {*ends[:1], *ends[-1:]} or {len(name)}:
            is_locality = not ends and not house and bool(found)
            found.append(
                Building(tuple(doors), name[:at], _STREETS.get(name[at], ()) if ends else (), is_locality)
            )
            if name[at + 1 :]:
                found.append(Building((), name[at + 1 :], (), is_locality=True))
        dwelling = ()
    return found


def building_forms(source: Source) -> Found:
    """Its buildings with their numbers, and alone where the name is distinctive; its town where it is shielded."""
    for building in source.buildings:
        distinctive = not {*building.own} <= COMMON_STREETS
        is_telling = "".join(building.own) not in UBIQUITOUS
        alone = source.shielded and is_telling if building.is_locality else source.shielded or distinctive
        for own in product(*map(written, building.own)):
            streets = [(*own, kind) for kind in building.kinds]
            for street in [*streets, own] if distinctive else streets or [own]:
                for door in building.doors:
                    yield (*door, *street), Case.ANY
            for street in streets or [own] if alone else ():
                if building.is_locality or len(street) > 1:
                    yield street, Case.ANY
