"""The measure itself: what it counts as a frame, a call and a depth."""

from collections.abc import Callable
from types import CodeType
from typing import Any

from tests.path.recorder import ROOT, Recording, recorded

SOURCE = """
def entry():
    [middle(n) for n in range(2)]
    sorted(range(3), key=lambda n: leaf())
    return list(numbers())

def middle(n):
    return sum(leaf() for _ in range(2))

def leaf():
    return 1

def numbers():
    yield leaf()
    yield leaf()
"""


def record(source: str, *, package: str = "gateway") -> Recording:
    """What runs below ``entry`` of a module of ours that never was a file."""
    names: dict[str, Any] = {}
    exec(compile(source, str(ROOT / package / "made.py"), "exec"), names)  # noqa: S102 - the text above
    entry: Callable[[], object] = names["entry"]
    code: CodeType = entry.__code__
    with recorded(code) as recording:
        names["leaf"]()
        entry()
        names["leaf"]()
    return recording


def test_what_is_written_inside_a_function_belongs_to_it() -> None:
    """A comprehension, a generator expression and a lambda are neither a frame nor a call."""
    recording = record(SOURCE)
    assert ("gateway/made.py:entry", "gateway/made.py:middle", "gateway/made.py:leaf") == recording.deepest
    assert {"entry": 1, "middle": 2, "leaf": 9, "numbers": 1} == {
        name.partition(":")[2]: calls for name, calls in recording.calls.items()
    }


def test_a_generator_is_one_call_and_a_frame_while_it_runs() -> None:
    recording = record(
        "def entry():\n    return list(outer())\ndef outer():\n    yield leaf()\n    yield leaf()\ndef leaf(): pass"
    )
    assert 3 == len(recording.deepest)
    assert 1 == recording.calls["gateway/made.py:outer"]


def test_only_our_packages_are_counted_and_only_below_the_entry() -> None:
    assert ["gateway/made.py"] == record(SOURCE).modules
    assert {} == record(SOURCE, package="tests").calls
