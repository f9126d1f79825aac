"""Fingerprints: one for a cause, whatever differs from job to job."""

from __future__ import annotations

import json
import traceback

import pytest

from taskq_core.fingerprint import PATTERN, fingerprint, normalized, own_frame


def of(error: BaseException, task: str = "t") -> str:
    text = "".join(traceback.format_exception(error))
    return fingerprint(task, type(error).__name__, str(error), text)


def raised(function: object, *args: object) -> BaseException:
    assert callable(function)
    try:
        function(*args)
    except Exception as error:
        return error
    raise AssertionError("it did not raise")


def missing(name: str) -> None:
    raise LookupError(f"nobody is called {name}")


def parse(text: str) -> None:
    json.loads(text)


def parse_again(text: str) -> None:
    json.loads(text)


def test_messages_that_differ_come_from_one_cause() -> None:
    names = {of(raised(missing, name)) for name in ("Zoë", "17", "/tmp/x", "a b c", "")}
    assert len(names) == 1
    assert PATTERN.fullmatch(names.pop())


def test_task_type_and_place_tell_causes_apart() -> None:
    error = raised(missing, "x")
    assert of(error) != of(error, "other")
    assert of(error) != of(raised(parse, "{"))
    assert of(raised(parse, "{")) != of(raised(parse_again, "{"))


def test_where_a_library_raises_the_cause_is_who_called_it() -> None:
    error = raised(parse, "{")
    text = "".join(traceback.format_exception(error))
    assert "json/decoder.py" in text
    assert own_frame(text) == "test_fingerprint.py:parse:json.loads(text)"


@pytest.mark.parametrize(
    "path",
    [
        "/usr/lib/python3.11/asyncio/tasks.py",
        "/srv/app/.venv/lib/python3.12/site-packages/redis/client.py",
        "/usr/lib/python3/dist-packages/yaml/loader.py",
        "/srv/taskq_core/worker/slots.py",
        "<frozen importlib._bootstrap>",
        "<string>",
    ],
)
def test_frames_of_others_do_not_count(path: str) -> None:
    text = f'Traceback (most recent call last):\n  File "{path}", line 3, in go\n    go()\nValueError: no\n'
    assert own_frame(text) == ""


@pytest.mark.parametrize("line", [1, 4711])
def test_a_frame_that_moved_is_the_same(line: int) -> None:
    text = (
        f'  File "/app/v{line}/send.py", line {line}, in send\n    smtp.send(mail)\n    ^^^^\nOSError: no\n'
    )
    assert own_frame(text) == "send.py:send:smtp.send(mail)"


def test_a_frame_without_source_still_names_the_function() -> None:
    text = '  File "/app/a.py", line 1, in outer\n  File "/app/b.py", line 2, in inner\nOSError: no\n'
    assert own_frame(text) == "b.py:inner:"


def test_a_traceback_quoted_in_a_message_is_not_the_place() -> None:
    quoted = 'remote: File "/evil.py", line 1, in x\n    y()'
    text = f'  File "/app/a.py", line 1, in call\n    rpc()\nRemoteError: {quoted}\n'
    assert own_frame(text, quoted) == "a.py:call:rpc()"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("user 17 not found", "user 4711 not found"),
        ("no file /var/data/a.csv", "no file /srv/other/place/b-2.csv"),
        ("no file data/2027/a.csv", "no file data/2028/b.csv"),
        ("bad id 550e8400-e29b-41d4-a716-446655440000", "bad id 123e4567-e89b-12d3-a456-426614174000"),
        ("commit deadbeef1 missing", "commit 0123abc missing"),
        ("object at 0x7f3a2b1c", "object at 0x55d1aa00"),
        ("cannot reach 10.0.0.1:6379", "cannot reach 192.168.1.20:6380"),
        ("cannot reach fe80::1", "cannot reach 2001:db8::ff00:42:8329"),
        ("no mailbox zoe@example.com", "no mailbox bob.smith+x@mail.example.org"),
        ("GET https://example.com/a?b=1 failed", "GET http://localhost:8080/x failed"),
        ("key 'name' is missing", "key 'address' is missing"),
        ('expected "a", got "b"', 'expected "", got "c d"'),
        ("since 2027-01-31T08:00:00Z", "since 2028-02-01 09:30:00.123+02:00"),
        ("session sess_4f9aK2x81 ended", "session sess_9ZZ1k33ab0 ended"),
        ("took 1.5 s of 3", "took 12 s of 30"),
    ],
)
def test_what_differs_from_job_to_job_is_left_out_of_a_message(one: str, other: str) -> None:
    assert normalized(one) == normalized(other)
    assert fingerprint("t", "E", one) == fingerprint("t", "E", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("connection refused", "connection reset"),
        ("user 17 not found", "order 17 not found"),
        ("ran longer than 5 s", "ran out of 5 s"),
    ],
)
def test_words_tell_messages_apart(one: str, other: str) -> None:
    assert normalized(one) != normalized(other)


@pytest.mark.parametrize("text", ["a" * 100_000, "a-" * 50_000, "/" * 100_000, "1:" * 50_000, "'" * 99_999])
def test_a_hostile_message_costs_little(text: str) -> None:
    assert len(normalized(text)) <= 10_000
