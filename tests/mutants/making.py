"""Makes mutants: a script of the engine in which one spot is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong line: in which file under ``lua/``, what is wrong, and how it reads."""

    file: str
    line: int
    kind: str
    before: str
    after: str

    @property
    def name(self) -> str:
        """What names it as long as the line stays what it is, wherever it moves."""
        return f"{self.file}: {self.before.strip()} -> {self.after.strip() or 'nothing'}"

    def text(self, source: str) -> str:
        """The file with the wrong line."""
        lines = source.splitlines(keepends=True)
        lines[self.line] = self.after + "\n"
        return "".join(lines)


SWAPS: Sequence[tuple[str, str, str]] = (
    ("bound", r" < ", " <= "),
    ("bound", r" <= ", " < "),
    ("bound", r" > ", " >= "),
    ("bound", r" >= ", " > "),
    ("equality", r" == ", " ~= "),
    ("equality", r" ~= ", " == "),
    ("logic", r" and ", " or "),
    ("logic", r" or ", " and "),
    ("number", r" \+ ", " - "),
    ("number", r" - ", " + "),
    ("number", r" \+ 1\b", " + 2"),
    ("number", r" - 1\b", ""),
)
"""What is put in the place of what, each occurrence by itself."""
CONDITION = re.compile(r"\b(if|elseif|while) (.+?) (then|do)\b")
STATEMENT = re.compile(
    r"^(\s*)((redis\.)?p?call|tally|rouse|publish|note|remember|ready|bury|schedule|take|remove|enter|orphans)\(.*\)"
    r"(\s*--.*)?$"
)
ASSIGNMENT = re.compile(r"^(\s*)(?!\s|local\b)[\w.\[\], +]+ = .+$")
ALWAYS = re.compile(r"\bif (.+?) then (call|redis\.call|return|state|want)\b(.*) end$")


def mutants_of(file: str, source: str) -> Iterator[Mutant]:
    """All mutants of a script or a part of one, in the order of their lines."""
    for number, line in enumerate(source.splitlines()):
        code = line.split(" -- ")[0]
        if not code.strip() or code.lstrip().startswith("--") or code.startswith("#!"):
            continue
        seen = {line}
        for kind, after in _changes(line, code):
            if after not in seen:
                seen.add(after)
                yield Mutant(file, number, kind, line, after)


def _changes(line: str, code: str) -> Iterator[tuple[str, str]]:
    for kind, pattern, other in SWAPS:
        for found in re.finditer(pattern, code):
            if not _in_text(code, found.start()):
                yield kind, line[: found.start()] + other + line[found.end() :]
    for found in CONDITION.finditer(code):
        head, tail = line[: found.start(2)], line[found.end(2) :]
        yield "negated", f"{head}not ({found[2]}){tail}"
        yield "never", f"{head}false{tail}"
    if ALWAYS.search(code) and "return" not in code:
        yield "always", CONDITION.sub(r"\1 true \3", code, count=1)
    if STATEMENT.match(code) or ASSIGNMENT.match(code):
        yield "deleted", ""


def _in_text(code: str, at: int) -> bool:
    """Whether a spot is inside quotes."""
    return code[:at].count("'") % 2 == 1


def all_mutants(folder: Path) -> list[Mutant]:
    """The mutants of all scripts that may write and of all parts."""
    found: list[Mutant] = []
    for path in [*sorted(folder.glob("*.lua")), *sorted(folder.glob("parts/*.lua"))]:
        source = path.read_text()
        if "no-writes" not in source.splitlines()[0]:
            found += mutants_of(str(path.relative_to(folder)), source)
    return found
