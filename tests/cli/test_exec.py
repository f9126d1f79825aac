"""`taskq worker --exec`: programs as handlers, run by a real worker."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from taskq_core import JobOptions, State
from tests.cli.shop import KEPT, LATER, ONCE, Shop, result, until_dead
from tests.conftest import Taskq
from tests.servers import missing
from tests.waiting import wait_until

C_PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
int main(void) {
  char line[4096];
  if (!fgets(line, sizeof line, stdin)) return 65;
  printf("{\"bytes\": %d, \"attempt\": %s}\n", (int)__builtin_strlen(line) - 1, getenv("TASKQ_ATTEMPT"));
  return 0;
}
"""


def compiled(folder: Path) -> str:
    source = folder / "count.c"
    source.write_text(C_PROGRAM)
    try:
        subprocess.run(["gcc", "-o", folder / "count", source], check=True)
    except FileNotFoundError:
        missing("no gcc is installed")
    return "./count"


# -- results -----------------------------------------------------------------------------------


def test_a_shell_script_gets_the_payload_and_who_it_is_and_prints_the_result(shop: Shop) -> None:
    script = shop.script(
        'read -r line\nprintf "%s\\n" "$line" "$TASKQ_JOB_ID" "$TASKQ_ATTEMPT" "$TASKQ_QUEUE"'
        ' "$TASKQ_TASK" "$TASKQ_NAMESPACE" "$TASKQ_REDIS_URL"'
    )

    job = shop.run(script, {"to": "ü"})

    assert result(job).split("\n") == [
        '{"to":"ü"}', str(job.ref), "1", "images", "t", "default", shop.server.url,
    ]  # fmt: skip


def test_a_node_program_is_a_handler(shop: Shop) -> None:
    program = shop.script(
        "let all = ''; process.stdin.on('data', part => all += part);"
        "process.stdin.on('end', () => console.log(JSON.stringify({got: JSON.parse(all).n * 2})));",
        "double.js",
        "#!/usr/bin/env node",
    )
    try:
        subprocess.run(["node", "--version"], check=True, capture_output=True)
    except FileNotFoundError:
        missing("no node is installed")

    assert result(shop.run(program, {"n": 21})) == {"got": 42}


def test_a_compiled_program_is_a_handler(shop: Shop) -> None:
    assert result(shop.run(compiled(shop.folder), {"n": 1})) == {"bytes": 7, "attempt": 1}


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ('{"a": [1, 2]}\\n', {"a": [1, 2]}),
        ("two\\nlines\\n\\n", "two\nlines\n"),
        ("not {json", "not {json"),
        ("", None),
        ("\\377", "\ufffd"),
    ],
)
def test_what_is_printed_is_the_result_as_json_or_as_text(printed: str, kept: object, shop: Shop) -> None:
    assert result(shop.run(shop.script(f"printf '{printed}'"))) == kept


# -- failures ----------------------------------------------------------------------------------


def test_any_other_code_fails_the_attempt_with_the_end_of_stderr_and_it_is_tried_again(shop: Shop) -> None:
    script = shop.script("seq 2000 >&2; echo 'disk full: /data' >&2; echo ignored; exit 3")

    job = shop.run(script, options=LATER)

    assert (job.state, job.attempts) == (State.SCHEDULED, 1)
    assert job.error is not None
    assert job.error.type == "ExitCode3"
    assert job.error.message.splitlines() == [*(str(n) for n in range(1992, 2001)), "disk full: /data"]
    assert 8_000 < len(job.error.traceback) <= 8_192
    shop.client.retry("images", [job.ref.id])
    worker = shop.start(script)
    wait_until(lambda: shop.client.inspect(job.ref).state is State.DEAD)
    assert shop.client.inspect(job.ref).attempts == 2
    assert worker.running


@pytest.mark.parametrize("code", [65, 78])
def test_two_codes_bury_the_job_at_once(code: int, shop: Shop) -> None:
    job = shop.run(shop.script(f"echo no such image >&2; exit {code}"), options=JobOptions(retries=9))

    assert (job.state, job.attempts) == (State.DEAD, 1)
    assert job.error is not None
    assert (job.error.type, job.error.message) == (f"ExitCode{code}", "no such image")


def test_a_signal_fails_the_attempt(shop: Shop) -> None:
    job = shop.run(shop.script("kill -SEGV $$"), options=LATER)

    assert job.state is State.SCHEDULED
    assert job.error is not None
    assert (job.error.type, job.error.message) == ("Signal11", "ended by SIGSEGV; nothing on stderr")


def test_a_program_that_is_gone_meanwhile_fails_the_attempt(shop: Shop) -> None:
    script = shop.script('rm "$0"')
    shop.add()
    ref = shop.add()

    shop.work(script, "-c", "1")

    job = shop.client.inspect(ref)
    assert job.error is not None
    assert (job.error.type, job.error.message) == ("CannotStart", "./handler.sh: No such file or directory")


# -- what must do no harm ------------------------------------------------------------------------


def test_ten_megabytes_on_both_pipes_do_no_harm(shop: Shop) -> None:
    script = shop.script(
        "yes | head -c 10000000 >&2 & yes | head -c 10000000; wait; echo the end >&2; exit 1"
    )
    worker = shop.start(script)
    wait_until(lambda: shop.client.workers("images"), 20)
    before = peak_kb(worker.pid)

    jobs = [until_dead(shop, ref) for ref in (shop.add(options=ONCE), shop.add())]

    assert [job.error.message[-7:] for job in jobs if job.error] == ["the end", "the end"]
    assert peak_kb(worker.pid) - before < 5_000


def test_a_result_over_the_limit_is_refused(shop: Shop) -> None:
    job = shop.run(shop.script("yes | head -c 10000000"))

    assert job.state is State.DEAD
    assert job.error is not None
    assert "10000000 bytes is more than the 1048576" in job.error.message


def test_stdin_need_not_be_read(shop: Shop) -> None:
    large = {"text": "x" * 200_000}

    assert result(shop.run(shop.script("exec <&-; echo done"), large)) == "done"
    assert result(shop.run(shop.script("exit 0"), large)) is None
    assert result(shop.run(shop.script("wc -c"), large)) == 200_012


def test_nothing_of_a_payload_reaches_a_shell_or_an_argument(shop: Shop) -> None:
    hostile = {"$(touch x)": "`touch x`; touch x", "n": "'\"\n; touch x #", "-rf": "\x1b]0;x\x07$(touch x)"}
    script = shop.script('echo "$#"; cat')

    job = shop.run(f"{script} $(touch x) ';touch x'", hostile)

    count, line = result(job).split("\n")
    assert count == "3"  # the words of the command line, not run by a shell either
    assert json.loads(line) == hostile
    assert not (shop.folder / "x").exists()


# -- the command line ----------------------------------------------------------------------------


def test_programs_stand_beside_an_app_in_the_queues_asked_for(shop: Shop, taskq: Taskq) -> None:
    (shop.folder / "app.py").write_text(
        "from taskq_core import TaskQueue\n"
        "images, mails = TaskQueue('images'), TaskQueue('mails')\n"
        "@images.process('own')\n"
        "def own(job): return 'own'\n"
    )
    own = shop.client.enqueue("images", "own", {}, KEPT).ref
    ref = shop.add()

    done = taskq(
        "worker", "app.py", "-q", "images", "--burst", "--processes", "2", "--exec", "t=echo hi",
        url=shop.server.url,
    )  # fmt: skip

    assert done.returncode == 0
    assert "serving own, t" in done.stderr
    assert "mails" not in done.stderr
    assert [result(shop.client.inspect(each)) for each in (own, ref)] == ["own", "hi"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--exec", "t=true"], "-q QUEUE"),
        (["-q", "images", "--exec", "t"], "TASK=COMMAND"),
        (["-q", "images", "--exec", "t="], "TASK=COMMAND"),
        (["-q", "images", "--exec", "t='open"], "split into words"),
        (["-q", "images", "--exec", "a b=true"], "task name 'a b'"),
        (["-q", "No Queue", "--exec", "t=true"], "queue name 'No Queue'"),
        (["-q", "images", "--exec", "t=./nothing"], "no program './nothing'"),
        (["-q", "images", "--exec", "t=./plain"], "chmod +x ./plain"),
        (["-q", "images", "--exec", "t=true", "--exec", "t=false"], "two programs"),
        (["app.py", "--exec", "t=true"], "registered twice"),
    ],
)
def test_what_cannot_be_right_ends_with_2_and_says_why(
    args: list[str], said: str, shop: Shop, taskq: Taskq
) -> None:
    (shop.folder / "plain").write_text("no program")
    (shop.folder / "app.py").write_text(
        "from taskq_core import TaskQueue\nq = TaskQueue('images')\n@q.process('t')\ndef t(job): ...\n"
    )

    done = taskq("worker", *args, url=shop.server.url)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def peak_kb(pid: int) -> int:
    """The most memory a process has held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
