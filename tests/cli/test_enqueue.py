"""`taskq enqueue`: one job from arguments, or many from stdin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from taskq_core import JobRef
from tests.cli.conftest import Shell


def payload_of(sh: Shell, ref: str) -> object:
    return sh.records("inspect", ref.strip())[0]["payload"]


def test_one_job_prints_its_reference_and_nothing_else(sh: Shell) -> None:
    done = sh("enqueue", "send-email", "to=user@example.com", "-q", "emails")
    assert done.returncode == 0
    assert done.stderr == ""
    assert str(JobRef.parse(done.stdout)) == done.stdout.strip()
    assert done.stdout.startswith("emails/n")


def test_arguments_make_strings_and_json(sh: Shell) -> None:
    ref = sh.ok("enqueue", "t", "a=1", "b:=1", "c:=[true,null]", "url=x:=y", "d=")
    assert payload_of(sh, ref) == {"a": "1", "b": 1, "c": [True, None], "url": "x:=y", "d": ""}


def test_a_payload_comes_from_an_option_a_file_or_stdin_and_arguments_add_to_it(
    sh: Shell, tmp_path: Path
) -> None:
    (tmp_path / "job.json").write_text('{"from": "file"}')
    assert payload_of(sh, sh.ok("enqueue", "t", "--payload", '{"a":1}', "b:=2")) == {"a": 1, "b": 2}
    assert payload_of(sh, sh.ok("enqueue", "t", "--payload", "@job.json")) == {"from": "file"}
    assert payload_of(sh, sh.ok("enqueue", "t", "--payload", "-", stdin='{"from": "stdin"}\n')) == {
        "from": "stdin"
    }
    assert payload_of(sh, sh.ok("enqueue", "t")) == {}


def test_numbers_in_a_payload_keep_every_digit(sh: Shell) -> None:
    raw = '{"big":123456789012345678901234567890,"small":1e-400,"exact":0.10}'
    ref = sh.ok("enqueue", "t", "--payload", raw).strip()
    assert f'"payload":{raw}' in sh.ok("inspect", ref, "-o", "ndjson")


def test_options_reach_the_job(sh: Shell) -> None:
    ref = sh.ok(
        "enqueue", "t", "-p", "high", "--in", "1h", "--retries", "7", "--timeout", "1m30s", "--keep", "2h",
        "--unique", "key-1",
    ).strip()  # fmt: skip
    job = sh.records("inspect", ref)[0]
    assert job["state"] == "scheduled"
    assert job["priority"] == "high"
    assert (job["retries"], job["timeout_s"], job["keep_s"], job["unique"]) == (7, 90, 7200, "key-1")


def test_a_duplicate_is_refused_and_names_the_holder(sh: Shell) -> None:
    first = sh.ok("enqueue", "t", "--unique", "key-1")
    again = sh("enqueue", "t", "--unique", "key-1")
    assert again.returncode == 5
    assert again.stdout == first
    assert "duplicate" in again.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["t", "--payload", "nonsense"], "not a JSON object"),
        (["t", "--payload", "[1]"], "not a JSON object"),
        (["t", "--payload", '{"a":NaN}'], "not a JSON object"),
        (["t", "--payload", '{"a":' + "[" * 100 + "]" * 100 + "}"], "nested deeper"),
        (["t", "--payload", "@missing.json"], "cannot read missing.json"),
        (["t", "neither"], "neither key=value nor"),
        (["t", "a:=nope"], "is not JSON"),
        (["bad name"], "task name"),
        (["t", "-q", "Bad"], "queue name"),
        (["t", "--in", "soon"], "no duration"),
        (["t", "--at", "soon"], "no time"),
        (["t", "-p", "urgent"], "unknown priority"),
        (["t", "--in", "1h", "--at", "2099-01-01T00:00:00Z"], "not both"),
        (["t", "--retries", "5000"], "retries"),
        ([], "no task"),
    ],
)
def test_what_cannot_be_right_is_a_usage_error(sh: Shell, args: list[str], words: str) -> None:
    done = sh("enqueue", *args)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert done.stdout == ""
    assert sh.client().queues() == []


def test_a_payload_over_the_limit_is_refused_with_its_size(sh: Shell, tmp_path: Path) -> None:
    (tmp_path / "big.json").write_text(json.dumps({"x": "y" * 300_000}))
    done = sh("enqueue", "t", "--payload", "@big.json")
    assert done.returncode == 2
    assert "limit of 262144" in done.stderr


def test_a_dry_run_sends_nothing(sh: Shell) -> None:
    done = sh("enqueue", "t", "a=1", "-n")
    assert (done.returncode, done.stdout) == (0, "")
    assert "would enqueue 1 job" in done.stderr
    done = sh("enqueue", "t", "-", "-n", stdin='{"a":1}\nbad\n')
    assert done.returncode == 6
    assert json.loads(done.stdout)["line"] == 2
    assert sh.client().queues() == []


def test_a_stream_of_payloads_answers_every_line_in_order(sh: Shell) -> None:
    lines = [json.dumps({"n": n}) for n in range(2_500)]
    refs = sh.ok("enqueue", "resize", "-", "-q", "images", stdin="\n".join(lines)).splitlines()
    assert len(set(refs)) == 2_500
    for at in (0, 999, 1_000, 2_499):
        assert payload_of(sh, refs[at]) == {"n": at}


def test_a_stream_of_jobs_names_task_queue_and_options_in_each_line(sh: Shell) -> None:
    stdin = "\n".join(
        [
            '{"task":"a","payload":{"n":1}}',
            '{"task":"b","queue":"other","payload":{"n":2},"in":"10m","priority":"high"}',
            '{"task":"a","payload":{"n":3},"in":0.5,"retries":9}',
            '{"task":"b","queue":"other","at":"2099-01-01T00:00:00Z"}',
            '{"task":"c"}',
        ]
    )
    refs = sh.ok("enqueue", "-", "-q", "main", "-p", "low", stdin=stdin).splitlines()
    jobs = sh.records("inspect", *refs)
    assert [job["queue"] for job in jobs] == ["main", "other", "main", "other", "main"]
    assert [job["task"] for job in jobs] == ["a", "b", "a", "b", "c"]
    assert [job["priority"] for job in jobs] == ["low", "high", "low", "low", "low"]
    assert [job["payload"] for job in jobs] == [{"n": 1}, {"n": 2}, {"n": 3}, {}, {}]
    assert jobs[2]["retries"] == 9
    assert jobs[3]["due_at"] == "2099-01-01T00:00:00.000Z"


def test_wrong_lines_are_answered_with_their_number_and_the_others_go_on(sh: Shell) -> None:
    stdin = '{"n":1}\nnonsense\n\n[1]\n{"n":5}\n' + '{"x":"' + "y" * 300_000 + '"}\n{"n":7}'
    done = sh("enqueue", "t", "-", stdin=stdin)
    assert done.returncode == 6
    answers = done.stdout.splitlines()
    assert [json.loads(line)["line"] for line in answers if line.startswith("{")] == [2, 4, 6]
    assert [line.startswith("default/n") for line in answers] == [True, False, False, True, False, True]
    assert "3 enqueued, 3 refused (line 2:" in done.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"payload":{}}', 'no "task"'),
        ('{"task":"t","prioritty":"high"}', "did you mean 'priority'"),
        ('{"task":"t","colour":1}', "known are task, payload"),
        ('{"task":"no good"}', "task name"),
        ('{"task":"t","queue":"No Good"}', "queue name"),
        ('{"task":"t","in":"soon"}', "no duration"),
        ('{"task":"t","retries":"many"}', "not a job"),
        ('{"task":"t","payload":{"a":NaN}}', "not a job"),
        ('{"task":"t","priority":"urgent"}', "unknown priority"),
        ('{"task":"t","in":1e300}', "too many"),
        ('{"task":"t","in":-5}', "delay"),
    ],
)
def test_a_wrong_job_line_says_what_is_wrong(sh: Shell, line: str, words: str) -> None:
    done = sh("enqueue", "-", stdin=f'{line}\n{{"task":"t"}}\n')
    assert done.returncode == 6
    refused, accepted = done.stdout.splitlines()
    assert json.loads(refused)["line"] == 1
    assert words in json.loads(refused)["error"]
    assert accepted.startswith("default/n")


def test_stop_on_error_sends_what_comes_before_and_nothing_after(sh: Shell) -> None:
    done = sh("enqueue", "t", "-", "--stop-on-error", stdin='{"n":1}\n{"n":2}\nbad\n{"n":4}\n')
    assert done.returncode == 6
    assert [line.startswith("{") for line in done.stdout.splitlines()] == [False, False, True]
    assert sh.client().snapshot("default").ready_total == 2


def test_only_wrong_lines_are_a_usage_error(sh: Shell) -> None:
    assert sh("enqueue", "t", "-", stdin="bad\n").returncode == 2
    assert sh("enqueue", "t", "-", stdin="").returncode == 0


def test_unique_keys_in_a_stream_are_counted_as_duplicates(sh: Shell) -> None:
    line = '{"task":"t","unique":"k"}\n'
    done = sh("enqueue", "-", stdin=line * 3)
    assert done.returncode == 6
    assert len(set(done.stdout.splitlines())) == 1
    assert "1 enqueued, 2 duplicates" in done.stderr


def test_a_full_queue_ends_a_stream_and_every_line_read_is_answered(sh: Shell) -> None:
    sh.client().configure("emails", max_jobs=1_500)
    done = sh("enqueue", "t", "-", "-q", "emails", stdin='{"n":1}\n' * 5_000)
    assert done.returncode == 6
    answers = done.stdout.splitlines()
    assert sum(line.startswith("emails/") for line in answers) == 1_000
    assert all("is full" in json.loads(line)["error"] for line in answers[1_000:])
    assert "the rest was not read" in done.stderr
    assert sh("enqueue", "t", "-", "-q", "emails", stdin='{"n":1}\n' * 600).returncode == 5


def test_a_stream_in_json_has_the_same_answers(sh: Shell) -> None:
    done = sh("enqueue", "t", "-", "-o", "json", stdin='{"n":1}\nbad\n')
    answers = json.loads(done.stdout)
    assert answers[0]["schema"] == "taskq.receipt/1"
    assert answers[1]["line"] == 2
