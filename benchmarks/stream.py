"""Lines a second through `taskq enqueue`, and its memory: bare payloads, and whole jobs as NDJSON."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Result, parser, run
from taskq_cli.bench.scratch import Place, Scratch
from tests.servers import Server

LINES = 500_000
PER_S = 80_000
PAYLOAD = '{{"to":"user{}@example.com","subject":"Welcome!","template":"welcome"}}'


def stream(scratch: Scratch, server: Server) -> Sequence[Result]:
    """Both forms, each from a file, ids to a file."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for form, line, words in (
            ("payloads", PAYLOAD, ["send-email", "-"]),
            ("whole jobs", '{{"task":"send-email","payload":' + PAYLOAD + "}}", ["-"]),
        ):
            source = Path(folder, "lines")
            with source.open("w") as lines:  # not held here: a child's memory begins with its parent's
                lines.writelines(line.format(100_000 + n) + "\n" for n in range(LINES))
            with scratch.place(f"stream{len(results)}") as place:
                seconds, kilobytes = _pass(place, server, source, words)
            rate = LINES / seconds
            results += [
                Result(form, rate, "lines/s", f">= {PER_S:,}", rate >= PER_S),
                Result(f"{form}: largest memory", kilobytes / 1024, "MB"),
            ]
    return results


def _pass(place: Place, server: Server, source: Path, words: list[str]) -> tuple[float, int]:
    environment = {**os.environ, "TASKQ_REDIS_URL": server.url, "TASKQ_NAMESPACE": place.client.namespace}
    command = [sys.executable, "-m", "taskq_cli", "enqueue", *words, "-q", place.queue, "--quiet"]
    with source.open("rb") as lines, source.with_name("ids").open("wb") as ids:
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdin=lines, stdout=ids)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return took, usage.ru_maxrss


if __name__ == "__main__":
    run(parser(__doc__).parse_args(), stream)
