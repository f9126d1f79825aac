"""`program`: one run of an executable, called as a worker calls it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from taskq_core import CannotStart, Discard, Job, ProgramFailed, TaskQueue, UsageError, program
from taskq_core.codec import Meta
from taskq_core.testing import run_job
from taskq_core.worker.loop import run as run_on_uvloop
from tests.waiting import until

Runner = Callable[[Coroutine[None, None, None]], None]


def job(**meta: int) -> Job:
    plain = Meta(keep=1000, attempts=meta.get("attempts", 0))
    return Job("images", "n", b"1763951707123-0", b"resize", b'{"n":1}', plain)


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


async def attempt(argv: list[str], **meta: int) -> object:
    return await program(argv)(job(**meta))


@pytest.fixture(params=["pidfd", "polling"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system telling of the end of a process, and without."""

    def missing(pid: int) -> int:
        raise OSError("not here")

    if request.param == "polling":
        monkeypatch.setattr(os, "pidfd_open", missing)


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("runner", [asyncio.run, run_on_uvloop])
def test_it_works_on_each_event_loop_and_leaves_no_descriptor_open(runner: Runner) -> None:
    async def main() -> None:
        assert await attempt(["cat"]) == {"n": 1}
        with pytest.raises(ProgramFailed, match="no") as failed:
            await attempt(sh("echo no >&2; exit 4"))
        assert type(failed.value).__name__ == "ExitCode4"
        before = open_descriptors()
        await asyncio.gather(*[attempt(sh("cat; exec sleep 0.05")) for _ in range(20)])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(attempt(["sleep", "60"]), 0.05)
        assert open_descriptors() == before

    runner(main())


async def test_the_exit_codes_that_bury_are_a_discard_and_the_others_are_not() -> None:
    for code in (65, 78):
        with pytest.raises(Discard, match=f"ended by exit code {code}; nothing on stderr"):
            await attempt(sh(f"exit {code}"))
    with pytest.raises(ProgramFailed) as failed:
        await attempt(sh("exit 127"))
    assert not isinstance(failed.value, Discard)


async def test_a_second_cancellation_kills_at_once(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    stubborn = sh(f"trap '' TERM; echo $$ > {ready}; while :; do sleep 0.01; done")
    running = asyncio.create_task(attempt(stubborn))
    pid = int(await until(lambda: ready.exists() and ready.read_text()))
    running.cancel()
    await asyncio.sleep(0.02)
    began = asyncio.get_running_loop().time()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.get_running_loop().time() - began < 0.4
    await until(lambda: not Path(f"/proc/{pid}").exists())


async def test_an_attempt_is_counted_and_a_queue_runs_programs_in_tests_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await attempt(sh("echo $TASKQ_ATTEMPT $TASKQ_JOB_ID"), attempts=4) == "5 images/n1763951707123-0"
    monkeypatch.setenv("TASKQ_NAMESPACE", "mine")
    queue = TaskQueue("images")
    queue.process("check")(program(sh('grep -q "^{\\"n\\":1}$" && [ "$TASKQ_NAMESPACE" = mine ]')))

    assert await run_job(queue, "check", {"n": 1}) is None
    with pytest.raises(ProgramFailed):
        await run_job(queue, "check", {"n": 2})


async def test_what_cannot_start_is_refused_or_fails_the_attempt(tmp_path: Path) -> None:
    script = tmp_path / "script"
    for argv in ([], [""], ["no-such-program-anywhere"], [str(script)], ["cat", "a\0b"]):
        with pytest.raises(UsageError):
            program(argv)
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)

    with pytest.raises(CannotStart, match="No such file"):
        await attempt([str(script)])


async def test_text_that_is_no_utf8_and_json_that_is_too_deep_are_text() -> None:
    deep = await attempt([sys.executable, "-c", "print('[' * 100_000)"])

    assert deep == "[" * 100_000
    with pytest.raises(ProgramFailed, match="a\ufffdb"):
        await attempt(sh(r"printf 'a\377b' >&2; exit 1"))
