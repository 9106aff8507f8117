"""What one field tells at one level, as an extract tells it: its rung over the items, each result once."""

import json
from collections.abc import Sequence

from agencies.ladders import LADDERS, LadderContext, LadderItem
from agencies.model import FieldName, JsonValue, Level


def generalise(
    field: FieldName, *, level: Level, items: Sequence[LadderItem], context: LadderContext
) -> list[JsonValue]:
    """The results in the items' order, without the empty and without repetitions."""
    rung = LADDERS[field].rungs[level]
    if rung is None:
        return []
    results = [] if rung.step is None else [rung.step(item, context) for item in items]
    results += [] if rung.together is None else [rung.together(items, context)]
    told: dict[str, JsonValue] = {}
    for result in results:
        if result is not None:
            told.setdefault(json.dumps(result, sort_keys=True), result)
    return list(told.values())
