"""Which of our own frames one call runs through.

INVARIANTS
- Counted are frames of the four packages of the house, from the entered function on, itself included.
- A comprehension, a generator expression or a lambda belongs to the function it is written in: no frame, no call.
- A generator function is one call, however often it is resumed; while it runs it is a frame like any other.
- Frames of libraries between ours are not counted and do not cut the stack: depth is how many of ours are nested.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "agencies", "consent_registry", "certs")
WITHIN_THEIR_FUNCTION = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<lambda>"}


@dataclass
class Recording:
    """What ran.

    Attributes:
        deepest: the longest chain of our functions, each called below the one before.
        calls: how often each function was called.
    """

    deepest: tuple[str, ...] = ()
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def modules(self) -> list[str]:
        return sorted({name.partition(":")[0] for name in self.calls})

    @property
    def total(self) -> int:
        return sum(self.calls.values())


@dataclass
class _Recorder:
    """The profile function and its state."""

    entry: CodeType
    recording: Recording = field(default_factory=Recording)
    stack: list[tuple[FrameType, str]] = field(default_factory=list)
    resumed: list[FrameType] = field(default_factory=list)

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            self.enter(frame)
        elif event == "return" and self.stack and self.stack[-1][0] is frame:
            self.stack.pop()

    def enter(self, frame: FrameType) -> None:
        name = named(frame.f_code)
        if name is None or not (self.stack or frame.f_code is self.entry):
            return
        self.stack.append((frame, name))
        chain = tuple(each for _, each in self.stack)
        if len(chain) > len(self.recording.deepest):
            self.recording.deepest = chain
        if not any(frame is seen for seen in self.resumed):
            self.recording.calls[name] = self.recording.calls.get(name, 0) + 1
        if frame.f_code.co_flags & 0x20:  # CO_GENERATOR
            self.resumed.append(frame)


def named(code: CodeType) -> str | None:
    """``package/module.py:function`` for a function of ours; absent for anything else."""
    if code.co_name in WITHIN_THEIR_FUNCTION:
        return None
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT):
        return None
    inside = path.relative_to(ROOT)
    return f"{inside}:{code.co_qualname}" if inside.parts[0] in PACKAGES else None


@contextmanager
def recorded(entry: CodeType) -> Iterator[Recording]:
    """Record what runs below calls of one function of ours."""
    recorder = _Recorder(entry)
    before = sys.getprofile()
    sys.setprofile(recorder)
    try:
        yield recorder.recording
    finally:
        sys.setprofile(before)
