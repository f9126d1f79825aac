"""CPU of a short command against `python -c 'import redis'`, which it cannot avoid.

User and system time of the whole process, medians of interleaved runs, so that a machine that gets slower
or faster meanwhile does not decide. `--others VENV` compares with the enqueue commands of rq and celery,
where they are installed in that virtual environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.report import Result, parser, run
from taskq_cli.bench.scratch import NAMESPACE, Scratch
from tests.processes import environment, taskq_command
from tests.servers import Server

REDIS: Final = "import redis"
ENQUEUE: Final = "taskq enqueue"
TARGETS: Final = {ENQUEUE: 1.6, "taskq --version": 0.5}
AGAINST_OTHERS: Final = 0.6


def startup(scratch: Scratch, server: Server, *, rounds: int, others: Path | None) -> Sequence[Result]:
    """The medians of all rounds, and their ratios."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder), server.url, TASKQ_NAMESPACE=NAMESPACE)
        # compiled files are read, as from any installed package
        env.pop("PYTHONUNBUFFERED", None)
        found = measure(commands(server, others), env, rounds)
    base = found[REDIS]
    results = [Result(name, cpu * 1000, "ms of CPU") for name, cpu in found.items()]
    for name, limit in TARGETS.items():
        ratio = found[name] / base
        results.append(Result(f"{name} : {REDIS}", ratio, "", f"<= {limit}", ratio <= limit))
    for name in found.keys() - {REDIS, *TARGETS}:
        if name.endswith("enqueue"):
            ratio = found[ENQUEUE] / found[name]
            results.append(
                Result(f"{ENQUEUE} : {name}", ratio, "", f"<= {AGAINST_OTHERS}", ratio <= AGAINST_OTHERS)
            )
    return results


def commands(server: Server, others: Path | None) -> dict[str, list[str]]:
    """What is run, by name."""
    taskq = taskq_command()
    found = {
        "python": [sys.executable, "-c", "pass"],
        REDIS: [sys.executable, "-c", "import redis"],
        "taskq --version": [*taskq, "--version"],
        ENQUEUE: [*taskq, "enqueue", "send-email", "to=user@example.com"],
    }
    if others is not None:
        rq, celery = others / "bin" / "rq", others / "bin" / "celery"
        if rq.exists():
            found["rq enqueue"] = [str(rq), "enqueue", "-u", server.tcp_url, "time.time"]
        if celery.exists():
            found["celery enqueue"] = [str(celery), "-q", "-b", server.tcp_url, "call", "send-email"]
    return found


def measure(chosen: Mapping[str, Sequence[str]], env: Mapping[str, str], rounds: int) -> dict[str, float]:
    """Median seconds of CPU of each command, run in turns."""
    for argv in chosen.values():
        cpu_of(argv, env)
    times: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(rounds):
        for name, argv in chosen.items():
            times[name].append(cpu_of(argv, env))
    return {name: median(values) for name, values in times.items()}


def cpu_of(argv: Sequence[str], env: Mapping[str, str]) -> float:
    """User and system seconds of one run. Raises: RuntimeError when the command fails."""
    process = subprocess.Popen(
        list(argv), env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None  # noqa: S101 - a pipe was asked for
    with process.stderr as errors:
        said = errors.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{argv} ended with {process.returncode}: {said.decode(errors='replace')}")
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--rounds", type=int, default=15, metavar="N")
    flags.add_argument("--others", type=Path, metavar="VENV")
    given = flags.parse_args()
    run(given, partial(startup, rounds=given.rounds, others=given.others))
