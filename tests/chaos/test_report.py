"""docs/reliability.md from files of results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from tests.chaos.matrix import Outcome
from tests.chaos.report import read, write

FIRST = Outcome(
    "A1", "redis", 1, "7.0.15", alone=True, jobs=100, counted=dict.fromkeys("LUDVSOC", 0), recovery=0.4,
    residue=(), wrong=(), took_s=3.0,
)  # fmt: skip


def page(tmp_path: Path, *outcomes: Outcome) -> str:
    results, file = tmp_path / "results", tmp_path / "page.md"
    results.write_bytes(b"".join(msgspec.json.encode(outcome) + b"\n" for outcome in outcomes))
    write(read(results), file)
    return file.read_text()


def test_the_worst_figure_counts_and_the_median_is_told(tmp_path: Path) -> None:
    worse = replace(FIRST, seed=2, counted={**FIRST.counted, "D": 8}, recovery=None)
    text = page(tmp_path, FIRST, worse, replace(FIRST, seed=3))

    assert "| redis | 3 | 300 | 0 | 0 | 8 (0) | 0 | 0 | 0 | 0 | 0.4 | 0 |" in text
    assert "Servers: redis 7.0.15." in text
    assert "3 runs, 300 jobs; runs beyond the limits of their row: 0." in text


def test_without_a_ledger_the_counters_differ_from_nothing(tmp_path: Path) -> None:
    text = page(tmp_path, replace(FIRST, jobs=0, counted={**FIRST.counted, "C": 400}))

    assert "| redis | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | - | 0.4 | 0 |" in text


def test_a_run_that_was_repeated_counts_as_it_was_last(tmp_path: Path) -> None:
    broken = replace(FIRST, wrong=("S=3, at most 0",), counted={**FIRST.counted, "S": 3})

    assert "S=3" not in page(tmp_path, broken, FIRST)
    assert "WRONG: S=3, at most 0" in page(tmp_path, FIRST, broken)


def test_no_results_are_no_outcomes(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == []
