"""`taskq jobs` and `taskq inspect`: what they list, in which form, and how pages go on."""

from __future__ import annotations

import csv
import io
import json
import shlex

import pytest

from tests.cli.conftest import Bury, Shell


def test_jobs_of_all_queues_and_states_are_listed(sh: Shell, bury: Bury) -> None:
    bury()
    sh.ok("enqueue", "now", "-q", "emails")
    sh.ok("enqueue", "later", "--in", "1h", "-q", "other")
    found = {(job["queue"], job["state"], job["task"]) for job in sh.records("jobs")}
    assert found == {
        ("emails", "dead", "send-email"),
        ("emails", "ready", "now"),
        ("other", "scheduled", "later"),
    }


@pytest.mark.parametrize(
    ("args", "tasks"),
    [
        (["-q", "emails"], {"a", "b"}),
        (["-q", "o*"], {"c"}),
        (["--task", "[ab]"], {"a", "b"}),
        (["--state", "scheduled"], {"c"}),
        (["--state", "ready,scheduled"], {"a", "b", "c"}),
        (["--filter", "payload.n>1"], {"b", "c"}),
        (["--filter", "payload.n>1", "-q", "emails"], {"b"}),
        (["--since", "1h"], {"a", "b", "c"}),
        (["--limit", "2"], {"a", "b"}),
    ],
)
def test_flags_choose_jobs(sh: Shell, args: list[str], tasks: set[str]) -> None:
    for task, n, rest in (
        ("a", 1, ["-q", "emails"]),
        ("b", 2, ["-q", "emails"]),
        ("c", 3, ["-q", "o", "--in", "1h"]),
    ):
        sh.ok("enqueue", task, f"n:={n}", *rest)
    assert {job["task"] for job in sh.records("jobs", *args)} == tasks


def test_pages_follow_each_other_to_the_end_by_the_command_that_stderr_gives(sh: Shell, bury: Bury) -> None:
    bury(*({"n": n} for n in range(5)))
    sh.ok("enqueue", "t", "-", "-q", "emails", stdin="{}\n" * 7)
    sh.ok("enqueue", "t", "-", "-q", "other", stdin="{}\n" * 4)
    seen: list[str] = []
    done = sh("jobs", "-o", "name", "--limit", "3")
    for _ in range(20):
        seen += done.stdout.splitlines()
        if "next page" not in done.stderr:
            break
        command = shlex.split(done.stderr.partition("next page: ")[2])
        done = sh(*command[1:])
    assert len(seen) == len(set(seen)) == 16


def test_a_page_with_a_filter_skips_nothing(sh: Shell) -> None:
    lines = "".join(f'{{"n":{n},"odd":{str(n % 2 == 1).lower()}}}\n' for n in range(300))
    sh.ok("enqueue", "t", "-", stdin=lines)
    seen: list[int] = []
    cursor: list[str] = []
    while True:
        done = sh("jobs", "--filter", "payload.odd=true", "--limit", "40", "-o", "ndjson", *cursor)
        seen += [json.loads(line)["payload"]["n"] for line in done.stdout.splitlines()]
        if "--cursor" not in done.stderr:
            break
        cursor = ["--cursor", shlex.split(done.stderr)[-1]]
    assert seen == list(range(1, 300, 2))


def test_each_format_holds_the_same_jobs(sh: Shell, bury: Bury) -> None:
    (ref,) = bury()
    record = sh.records("jobs")[0]
    assert record["id"] == ref
    assert record["schema"] == "taskq.job/1"
    assert record["error"]["type"] == "ValueError"
    assert json.loads(sh.ok("jobs", "-o", "json")) == [record]
    assert sh.ok("jobs", "-o", "name") == f"{ref}\n"
    row = sh.ok("jobs").rstrip("\n").split("\t")
    assert sh.ok("jobs", "-o", "tsv").rstrip("\n").split("\t") == row
    assert row[:3] == [ref, "dead", "send-email"]
    header, values = csv.reader(io.StringIO(sh.ok("jobs", "-o", "csv")))
    assert header[:3] == ["id", "state", "task"]
    assert values == row
    table = sh.ok("jobs", "-o", "table")
    assert "STATE" in table
    assert ref in table
    assert "PAYLOAD" in sh.ok("jobs", "-o", "wide")


def test_json_picks_fields_and_alone_lists_them(sh: Shell, bury: Bury) -> None:
    (ref,) = bury()
    assert json.loads(sh.ok("jobs", "--json", "id,state")) == [{"id": ref, "state": "dead"}]
    assert json.loads(sh.ok("jobs", "--json", "id", "-o", "ndjson")) == {"id": ref}
    assert sh.ok("jobs", "--json", "state,id", "-o", "tsv") == f"dead\t{ref}\n"
    listed = sh.ok("jobs", "--json").splitlines()
    assert "enqueued_at" in listed
    assert sh.ok("inspect", "--json").splitlines()[: len(listed)] == listed
    done = sh("jobs", "--json", "colour")
    assert done.returncode == 2
    assert "enqueued_at" in done.stderr


def test_times_are_rfc_3339_and_json_is_ascii(sh: Shell) -> None:
    ref = sh.ok("enqueue", "t", "name=Zoë 🎉", "--in", "1h").strip()
    out = sh.ok("inspect", ref, "-o", "json")
    assert out.isascii()
    job = json.loads(out)[0]
    assert job["payload"] == {"name": "Zoë 🎉"}
    assert job["enqueued_at"].endswith("Z")
    assert "T" in job["due_at"]


def test_the_environment_chooses_a_format_and_the_flag_wins(sh: Shell) -> None:
    ref = sh.ok("enqueue", "t").strip()
    assert sh("jobs", TASKQ_OUTPUT="name").stdout == f"{ref}\n"
    assert sh("jobs", "-o", "tsv", TASKQ_OUTPUT="name").stdout.startswith(f"{ref}\tready")


def test_inspect_shows_everything_about_a_dead_job(sh: Shell, bury: Bury) -> None:
    (ref,) = bury({"to": "user@example.com"}, error="mailbox is full")
    job = sh.records("inspect", ref)[0]
    assert job["state"] == "dead"
    assert job["payload"] == {"to": "user@example.com"}
    assert job["attempts"] == 1
    assert job["died_at"] is not None
    assert job["error"]["message"] == "mailbox is full"
    shown = sh.ok("inspect", ref, "-o", "table")
    assert "mailbox is full" in shown
    assert "Traceback" in shown


def test_inspect_reads_what_other_commands_print(sh: Shell, bury: Bury) -> None:
    (ref,) = bury()
    for form in ("name", "tsv", "ndjson"):
        listed = sh.ok("jobs", "-o", form)
        assert json.loads(sh.ok("inspect", "-", stdin=listed))["id"] == ref


def test_a_bare_id_needs_a_queue(sh: Shell) -> None:
    ref = sh.ok("enqueue", "t", "-q", "emails").strip()
    bare = ref.partition("/")[2]
    assert sh("inspect", bare).returncode == 2
    assert sh.records("inspect", bare, "-q", "emails")[0]["id"] == ref


def test_unknown_jobs_and_queues_are_not_found(sh: Shell) -> None:
    assert sh("inspect", "emails/n1-0").returncode == 4
    ref = sh.ok("enqueue", "t").strip()
    partly = sh("inspect", ref, "default/n1-0")
    assert partly.returncode == 6
    assert partly.stdout.startswith("{")
    assert sh("inspect", "-", stdin=f"{ref}\ndefault/n1-0\n").returncode == 6
    missing = sh("jobs", "-q", "nothing*")
    assert missing.returncode == 4
    assert "default" in missing.stderr
    assert sh("inspect", "nonsense/").returncode == 2
    assert sh("jobs", "--state", "done").returncode == 2
    assert sh("jobs", "--state", "asleep").returncode == 2


def test_an_empty_server_is_no_error(sh: Shell) -> None:
    assert sh.ok("jobs") == ""
    assert sh.ok("jobs", "-o", "json") == "[]\n"
    assert sh.ok("queue", "ls") == ""
    assert sh.ok("stats", "-o", "json") == "[]\n"
