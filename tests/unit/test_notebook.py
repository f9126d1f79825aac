"""What one run says of itself: bounded, from any thread, and no error for what a handler may compute."""

from __future__ import annotations

import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from taskq_core import InvalidOption, Job, TaskQueue, config
from taskq_core.notebook import Notebook
from taskq_core.testing import make_job, run_made


def told(fraction: Any) -> float | None:
    book = Notebook()
    book.progress(fraction, "")
    return book.notes(1).progress


@pytest.mark.parametrize(
    ("fraction", "kept"),
    [
        (0.5, 0.5), (0, 0.0), (1, 1.0), (True, 1.0), (1.0000001, 1.0), (-3, 0.0), (float("inf"), 1.0),
        (float("-inf"), 0.0), (10**400, 1.0), (-(10**400), 0.0), (Decimal("0.25"), 0.25),
        (Fraction(1, 4), 0.25), (float("nan"), None), (Decimal("nan"), None), (Decimal("snan"), None),
    ],
)  # fmt: skip
def test_numbers_are_brought_between_0_and_1(fraction: Any, kept: float | None) -> None:
    assert told(fraction) == kept


@pytest.mark.parametrize("fraction", ["0.5", None, b"1", [0.5], 1j, object()])
def test_what_is_no_number_is_refused(fraction: Any) -> None:
    with pytest.raises(InvalidOption, match="from 0 to 1"):
        told(fraction)


def lines(*said: object) -> list[str]:
    book = Notebook()
    for text in said:
        book.log(text)
    return [line.text for line in book.notes(1).lines]


def test_text_becomes_lines_and_anything_becomes_text() -> None:
    assert lines("a\nb\r\n\nc\n", 7, ValueError("x"), b"y", None, "") == [
        "a",
        "b",
        "",
        "c",
        "7",
        "x",
        "b'y'",
        "None",
        "",
    ]


def test_lines_and_words_are_cut_at_whole_characters() -> None:
    (long,) = lines("é" * 5000)
    assert len(long.encode()) <= config.LOG_LINE_BYTES
    assert long.endswith("é…")
    assert lines("\ud800x") == ["?x"]
    book = Notebook()
    book.progress(0.5, "w" * 1000)
    assert len(book.notes(1).note.encode()) == config.NOTE_BYTES


def test_a_flood_is_held_within_its_bounds() -> None:
    book = Notebook()
    for n in range(100_000):
        book.log(f"line {n}")
    found = book.notes(1)
    assert (len(found.lines), found.skipped) == (config.LOG_LINES, 100_000 - config.LOG_LINES)
    assert found.lines[-1].text == "line 99999"
    assert found.lines[-1].number == 100_000
    book.log("z" * 50_000_000)
    book.log("\n".join(["y" * 2000] * 100_000))
    news = book.news()
    assert news is not None
    assert news.size <= config.NOTES_BYTES + config.LOG_LINES * 16


def test_only_what_was_not_confirmed_is_news() -> None:
    book = Notebook()
    assert book.news() is None
    book.log("one")
    first = book.news()
    assert first is not None
    book.log("two")
    book.confirm(first)
    second = book.news()
    assert second is not None
    assert [row.text for row in second.rows] == [b"two"]
    book.confirm(second)
    book.confirm(first)  # its answer came late
    assert book.news() is None


def test_threads_of_one_handler_lose_no_line() -> None:
    job = Job("q", "n", b"1-0", b"t", b"{}")

    def chat(name: str) -> None:
        for n in range(10):
            job.log(f"{name}{n}")
            job.progress(n / 10)

    threads = [threading.Thread(target=chat, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line.text for line in job.notes.lines) == sorted(
        f"{a}{n}" for a in "abcdefgh" for n in range(10)
    )
    assert [line.number for line in job.notes.lines] == list(range(1, 81))


async def test_a_test_of_a_task_sees_what_the_handler_said() -> None:
    queue = TaskQueue("q", redis="redis://127.0.0.1:1")

    @queue.task()
    def resize(job: Job, pages: int) -> str:
        for page in range(pages):
            job.log(f"page {page}")
            job.progress((page + 1) / pages, "resizing")
        return "done"

    job = make_job(queue, "resize", {"pages": 2}, attempt=3)
    assert await run_made(job) == "done"
    assert (job.notes.progress, job.notes.note, job.notes.attempt) == (1.0, "resizing", 3)
    assert [line.text for line in job.notes.lines] == ["page 0", "page 1"]
