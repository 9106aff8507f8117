"""Print how this tree measures: sizes, types, documentation, complexity, tests and the static gates.

Invariants:
- Maxima are always beside medians: a median hides the one bad file.
- Nothing is averaged over what is generated; nothing is exempt because of a ``noqa``.
- Figures that only a test run knows are read from ``build/measures.json``, a flat JSON object of
  figure name to text or number that tests write; a figure absent there is printed as ``not measured``.
"""

import ast
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("gateway", "agencies", "consent_registry", "certs", "extract_client")
MEASURED_BY_TESTS = {
    "path_modules": "<= 18",
    "path_on_stack": "<= 4",
    "path_calls": "",
    "path_queries": "",
    "branch_coverage": "",
    "mutation_score": "",
}
COMPARED_RULES = "F,B,S,C901,BLE,DTZ,RET,SIM,PLR0911,PLR0912,PLR0915,G,T20"

_BROAD_EXCEPT = re.compile(r"^\s*except(\s+(Base)?Exception\b.*)?:", re.MULTILINE)
_MOCK = re.compile(r"\bmock\b|\bMock\b|MagicMock|\bpatch\(|monkeypatch")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file, read once."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """Physical lines."""
        return self.text.count("\n")


@dataclass(frozen=True, slots=True)
class Function:
    """One function or method: where it is, how long, how typed."""

    name: str
    lines: int
    code_lines: int
    typed: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what, ours, and the band to stand in (empty where there is none)."""

    name: str
    value: str
    band: str = ""


def main() -> int:
    """Measure the tree and print the table."""
    sources = read_sources(*PACKAGES)
    tests = read_sources("tests")
    figures = [
        *size_figures(sources),
        *function_figures(sources),
        *structure_figures(sources),
        *test_figures(sources, tests=tests),
        *gate_figures(),
        *figures_of_tests(),
    ]
    name_width = max(len(figure.name) for figure in figures)
    value_width = max(len(figure.value) for figure in figures)
    for figure in figures:
        sys.stdout.write(
            f"{figure.name:<{name_width}}  {figure.value:<{value_width}}  {figure.band}".rstrip() + "\n"
        )
    return 0


def read_sources(*folders: str) -> list[Source]:
    """Read every Python file under the folders, in path order."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    texts = [(path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in paths]
    return [Source(path, text, ast.parse(text)) for path, text in texts]


def size_figures(sources: Sequence[Source]) -> Iterator[Figure]:
    """Files and their lengths in physical lines; empty files are not counted."""
    filled = [source for source in sources if source.text.strip()]
    lengths = [source.lines for source in filled]
    longest = max(filled, key=lambda source: source.lines)
    yield Figure("files / lines", f"{len(filled)} / {sum(lengths)}")
    yield Figure("file lines: median / p90 / max", spread(lengths, longest=str(longest.path)), "p90 <= 500")


def function_figures(sources: Sequence[Source]) -> Iterator[Figure]:
    """Lengths of functions, with and without docstring, comments and blank lines, and how many are fully typed."""
    functions = [function for source in sources for function in functions_of(source)]
    longest = max(functions, key=lambda function: function.lines)
    longest_code = max(functions, key=lambda function: function.code_lines)
    yield Figure(
        "function lines: median / p90 / max",
        spread([function.lines for function in functions], longest=longest.name),
        "max <= 80",
    )
    yield Figure(
        "function code only: median / p90 / max",
        spread([function.code_lines for function in functions], longest=longest_code.name),
        "median 4-9",
    )
    typed = sum(function.typed for function in functions)
    yield Figure(
        "functions fully typed", f"{100 * typed / len(functions):.1f} % of {len(functions)}", "100 %"
    )


def structure_figures(sources: Sequence[Source]) -> Iterator[Figure]:
    """Documentation, import cycles, complexity, broad handlers."""
    everything = ["--config", os.devnull, "--ignore-init-module", "--ignore-magic", "--ignore-init-method"]
    yield Figure("documented, public (interrogate)", documented(), "100 %")
    yield Figure("documented, private and nested too", documented(*everything), ">= 93 %")
    cycles = import_cycles()
    named = "; ".join(" <-> ".join(sorted(cycle)) for cycle in cycles)
    yield Figure("import cycles", f"{len(cycles)} {named}".strip(), "0")
    yield Figure(
        "functions of complexity > 10", str(count_findings("--select", "C901", "--ignore-noqa")), "0"
    )
    broad = sum(len(_BROAD_EXCEPT.findall(source.text)) for source in sources)
    yield Figure("broad except", str(broad), "<= 1")
    filled_lines = sum(1 for source in sources for line in source.text.splitlines() if line.strip())
    compared = count_findings("--isolated", "--select", COMPARED_RULES, "--ignore", "S101", "--ignore-noqa")
    yield Figure(
        "findings per 1,000 lines, fixed rule set", f"{1000 * compared / filled_lines:.1f}", "<= 4.6"
    )


def test_figures(sources: Sequence[Source], *, tests: Sequence[Source]) -> Iterator[Figure]:
    """How many tests, how long against the source, how much mocking."""
    count = sum(
        function.name.rpartition(":")[2].startswith("test_")
        for test in tests
        for function in functions_of(test)
    )
    test_lines = sum(test.lines for test in tests)
    mock_lines = sum(1 for test in tests for line in test.text.splitlines() if _MOCK.search(line))
    yield Figure("test functions", str(count))
    yield Figure("test lines / source lines", f"{test_lines / sum(s.lines for s in sources):.2f}", "0.9-1.6")
    yield Figure("mock lines / test", f"{mock_lines / max(count, 1):.2f}", "<= 0.1")


def gate_figures() -> Iterator[Figure]:
    """Each static gate, as ``pass`` or the last line it said."""
    yield gate("ruff check", "ruff", "check", "--output-format", "concise", ".")
    yield gate("ruff format --check", "ruff", "format", "--check", ".")
    yield gate("mypy --strict", "mypy", "--strict")
    yield gate("lint-imports", "lint-imports")
    yield gate("vulture --min-confidence 80", "vulture", "--min-confidence", "80")
    graded = re.findall(
        r"^\s+\w \d+:\d+ (\S+) - \w \((\d+)\)",
        output("radon", "cc", "-s", "-n", "C", *PACKAGES),
        re.MULTILINE,
    )
    worst = max(graded, key=lambda found: int(found[1]), default=None)
    yield Figure("radon cc -n C", f"{len(graded)} (worst {worst[0]}, {worst[1]})" if worst else "0")
    mean = re.search(r"Average complexity: \w \(([\d.]+)\)", output("radon", "cc", "-a", *PACKAGES))
    yield Figure("radon mean complexity", f"{float(mean[1]):.1f}" if mean else "unknown", "1.9-2.9")


def figures_of_tests() -> Iterator[Figure]:
    """Figures that a test run left behind."""
    file = ROOT / "build" / "measures.json"
    measured: dict[str, object] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for name, band in MEASURED_BY_TESTS.items():
        yield Figure(name.replace("_", " "), str(measured.get(name, "not measured")), band)


def functions_of(source: Source) -> Iterator[Function]:
    """Every function of the file, nested ones too, each counted with what it contains."""
    code = lines_of_code(source.text)
    for node in ast.walk(source.tree):
        if isinstance(node, FunctionNode):
            end = node.end_lineno or node.lineno
            body = set(range(node.lineno, end + 1)) - docstring_lines(node)
            name = f"{source.path}:{node.name}"
            yield Function(name, end - node.lineno + 1, len(body & code), is_typed(node))


def lines_of_code(text: str) -> set[int]:
    """Numbers of the lines that hold a token other than a comment."""
    silent = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        n for token in tokens if token.type not in silent for n in range(token.start[0], token.end[0] + 1)
    }


def docstring_lines(node: FunctionNode) -> set[int]:
    """Numbers of the lines of the function's docstring."""
    if ast.get_docstring(node, clean=False) is None:
        return set()
    first = node.body[0]
    return set(range(first.lineno, (first.end_lineno or first.lineno) + 1))


def is_typed(node: FunctionNode) -> bool:
    """Every parameter but ``self`` and ``cls``, and the result, has an annotation."""
    arguments = node.args
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    named = [argument for argument in every if argument is not None and argument.arg not in {"self", "cls"}]
    return node.returns is not None and all(argument.annotation is not None for argument in named)


def documented(*options: str) -> str:
    """Return the share of definitions that interrogate finds documented, by the project's settings or these."""
    said = output("interrogate", "--verbose", "--fail-under", "0", *options, *PACKAGES)
    share = re.search(r"actual: ([\d.]+)%", said)
    return f"{share[1]} %" if share else "unknown"


def import_cycles() -> set[frozenset[str]]:
    """Sets of modules that import one another, imports inside functions included."""
    graph = grimp.build_graph(*PACKAGES, include_external_packages=False, cache_dir=None)
    upstream = {module: graph.find_upstream_modules(module) for module in graph.modules}
    together = (
        frozenset({module, *(other for other in others if module in upstream[other])})
        for module, others in upstream.items()
    )
    return {cycle for cycle in together if len(cycle) > 1}


def spread(values: Iterable[int], *, longest: str) -> str:
    """Return ``median / p90 / max (name)`` of the values."""
    ordered = sorted(values)
    ninetieth = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    return f"{statistics.median(ordered):g} / {ninetieth} / {ordered[-1]} ({longest})"


def count_findings(*arguments: str) -> int:
    """Count what ruff finds in the packages."""
    found: list[object] = json.loads(
        output("ruff", "check", "--output-format", "json", *arguments, *PACKAGES)
    )
    return len(found)


def gate(name: str, program: str, *arguments: str) -> Figure:
    """Run one gate; its figure is ``pass`` or the last line it said."""
    done = run(program, *arguments)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["failed"]
    return Figure(name, "pass" if done.returncode == 0 else said[-1].strip(), "pass")


def output(program: str, *arguments: str) -> str:
    """Return what a program of the environment says, whatever its exit status."""
    return run(program, *arguments).stdout


def run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of the environment in the root of the tree."""
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
