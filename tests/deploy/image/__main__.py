"""`make image-check`: builds the image and the example on it, and runs both as a cluster would.

Needs root and the programs buildah, debootstrap and runc. It takes some three minutes, one of which is an
outage of the server.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

from taskq_core import Client
from tests.deploy.image import building
from tests.deploy.image.box import Box, Image
from tests.deploy.stack import free_port
from tests.processes import ROOT
from tests.servers import Server
from tests.waiting import wait_until

SLOW: Final = """
import asyncio
from taskq_core import TaskQueue

queue = TaskQueue("default")

@queue.process("greet")
async def greet(job):
    await asyncio.sleep(job.payload.get("s", 0))
    print("greeted", job.payload["name"])
"""
BUILT: Final = ("/wheels", "/src", "/opt/taskq/lib/python3*/site-packages/hatchling")
WRITING: Final = """
import sys
for path in sys.argv[1:]:
    try:
        open(path + "/x", "w")
    except OSError as error:
        print(error.errno)
"""
CACHED: Final = """
import importlib.util, json, os, taskq_core
for module in json, taskq_core:
    print(os.path.exists(importlib.util.cache_from_source(module.__file__)))
"""
STOPPED: Final = 128 + signal.SIGTERM
EROFS: Final = "30"


class Check:
    """The images, a server, and a line for each thing that was seen."""

    def __init__(self, work: Path, outage_s: float) -> None:
        self.work, self.outage_s = work, outage_s
        self._app = work / "app"
        self._app.mkdir()
        (self._app / "app.py").write_text(SLOW)
        self.server = Server("redis", aof=True).start()

    def say(self, what: str, passed: object) -> None:
        """One line. Raises: SystemExit when it did not pass."""
        print("ok  " if passed else "FAIL", what, flush=True)
        if not passed:
            raise SystemExit(1)

    def step(self, what: str, do: Callable[[], None]) -> None:
        """Does something that takes long."""
        begun = time.monotonic()
        do()
        self.say(f"{what} ({time.monotonic() - begun:.0f} s)", passed=True)

    def build(self, base: str | None) -> None:
        """Both images."""
        python = base or building.BASE
        if base is None:
            self.step("a base image of Debian's Python", lambda: building.make_base(self.work))
        self.step("the packages", lambda: building.fetch_wheels(self.work))
        self.step(
            "the Dockerfile builds",
            lambda: building.build(self.work, building.IMAGE, ROOT, f"PYTHON_IMAGE={python}"),
        )
        self.step(
            "the example builds on it",
            lambda: building.build(
                self.work, building.EXAMPLE, ROOT / "examples" / "container", f"TASKQ_IMAGE={building.IMAGE}"
            ),
        )

    def contents(self, image: Image) -> None:
        """What the image holds, and what not."""
        left = [pattern for pattern in BUILT for _ in image.root.glob(pattern.lstrip("/"))]
        self.say(f"nothing that builds is left {left or ''}", not left)
        with image.running("--version") as found:
            self.say("`taskq --version` runs", found.wait(30) == 0)
            self.say(found.said.strip(), found.said.startswith("taskq "))

    def example(self, image: Image) -> None:
        """Its jobs are worked off."""
        with image.running(env=self._env()) as worker, Client(self.server.tcp_url) as client:
            wait_until(lambda: client.workers("default"), 30, "the worker")
            client.enqueue_many("default", "greet", [{"name": f"n{n}"} for n in range(500)])
            wait_until(lambda: client.snapshot("default").totals.get("done") == 500, 30, "all jobs")
            self.say("the example works 500 jobs off", "Hello n499" in worker.said)
            self.say(f"SIGTERM ends it with {STOPPED}", worker.stop(30) == STOPPED)

    def worker(self, image: Image) -> None:
        """Rights, health and the end of a worker."""
        env = self._env()
        with image.running(app=self._app, env=env) as worker, Client(self.server.tcp_url) as client:
            wait_until(lambda: client.workers("default"), 30, "the worker")
            self._rights(worker)
            self._outage(worker, env["TASKQ_METRICS_PORT"], image.settings["Healthcheck"]["Test"][1:])
            client.enqueue("default", "greet", {"name": "slow", "s": 3})
            wait_until(lambda: client.snapshot("default").running == 1, 20, "the job to run")
            self.say(f"SIGTERM ends it with {STOPPED}", worker.stop(30) == STOPPED)
            self.say("and the job that ran was finished", "greeted slow" in worker.said)

    def _rights(self, worker: Box) -> None:
        status = worker.read("cat", "/proc/1/status")
        rows = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        self.say(f"it runs as {rows['Uid'].split()[0]}", set(rows["Uid"].split()) == {"10001"})
        self.say("without capabilities", int(rows["CapEff"], 16) == int(rows["CapBnd"], 16) == 0)
        refused = worker.read("python", "-c", WRITING, "/", "/app", "/opt/taskq", "/etc").split()
        self.say("nothing but /tmp can be written", refused == [EROFS] * 4)
        self.say("bytecode is there", worker.read("python", "-c", CACHED).split() == ["True", "True"])

    def _outage(self, worker: Box, port: str, probe: list[str]) -> None:
        live, ready = (f"http://127.0.0.1:{port}/{name}" for name in ("livez", "readyz"))
        wait_until(lambda: _status(ready) == 200, 30, f"readiness: {worker.said}")
        self.say(f"`{' '.join(probe)}` says that it is well", worker.ask(*probe) == 0)
        self.server.kill()
        wait_until(lambda: _status(ready) == 503, 30, "that it is not ready")
        begun, seen = time.monotonic(), list[tuple[bool, bool]]()
        while time.monotonic() < begun + self.outage_s:
            seen.append((_status(ready) == 200, _status(live) == 200 and worker.ask(*probe) == 0))
            time.sleep(1)
        self.say(f"{self.outage_s:.0f} s without a server: never ready", not any(ok for ok, _ in seen))
        self.say(f"and alive each of the {len(seen)} times it was asked", all(ok for _, ok in seen))
        self.server.start()
        wait_until(lambda: _status(ready) == 200, 60, "readiness")
        self.say("ready again when it is back", passed=True)

    def exporter(self, image: Image) -> None:
        """Its page."""
        port = free_port()
        page = f"http://127.0.0.1:{port}/metrics"
        with image.running("exporter", "--port", port, "--host", "127.0.0.1", env=self._env()) as exporter:
            wait_until(lambda: _status(page) == 200, 30, f"the exporter: {exporter.said}")
            with urlopen(page, timeout=10) as answer:
                self.say("the exporter tells of the queue", b"taskq_queue_jobs{" in answer.read())
            self.say("and is well", exporter.ask("taskq", "health", "--worker", port, "--live") == 0)
            self.say(f"SIGTERM ends it with {STOPPED}", exporter.stop(15) == STOPPED)

    def _env(self) -> dict[str, str]:
        return {
            "TASKQ_REDIS_URL": self.server.tcp_url,
            "TASKQ_METRICS_PORT": free_port(),
            "TASKQ_METRICS_HOST": "127.0.0.1",
        }


def _status(url: str) -> int:
    try:
        with urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except OSError:
        return 0


def main() -> int:
    """Everything. Exit code 0 when all was as it should be."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--base", metavar="IMAGE", help="build on this image and make none")
    flags.add_argument("--outage", type=float, default=60, metavar="SECONDS")
    given = flags.parse_args()
    if os.geteuid() or building.missing():
        print(f"needs root, and {', '.join(building.missing()) or 'nothing else'}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="taskq-image-", dir="/var/tmp") as folder, ExitStack() as ends:
        check = Check(Path(folder), given.outage)
        ends.callback(check.server.remove)
        ends.callback(building.remove_images)
        check.build(given.base)
        with building.mounted(building.IMAGE) as root, building.mounted(building.EXAMPLE) as more:
            image = Image(root, building.settings(building.IMAGE), check.work)
            example = Image(more, building.settings(building.EXAMPLE), check.work)
            check.contents(image)
            check.example(example)
            check.worker(image)
            check.exporter(image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
