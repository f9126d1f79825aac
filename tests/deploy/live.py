"""A real Prometheus with real targets: what it scrapes, asks and tells."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.deploy.files import tool
from tests.deploy.promql import PROMETHEUS
from tests.deploy.stack import free_port
from tests.processes import Program
from tests.waiting import wait_until

APP = """
import asyncio, os, time
from datetime import timedelta
from pathlib import Path
from taskq_core import Backoff, Discard, Job, TaskQueue

SOON = Backoff(base=timedelta(milliseconds=100), cap=timedelta(milliseconds=100))
emails = TaskQueue("emails", retries=2, backoff=SOON)
slow = TaskQueue("slow")
ledger = os.open("ledger", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

async def work(job: Job, outcome: str) -> None:
    began = time.perf_counter()
    await asyncio.sleep(0.02)
    os.write(ledger, f"{outcome} {time.perf_counter() - began}\\n".encode())

@emails.process("send")
async def send(job: Job) -> None:
    await work(job, "done")

@emails.process("flaky")
async def flaky(job: Job) -> None:
    await work(job, "failed" if job.attempt == 1 else "done")
    if job.attempt == 1:
        raise TimeoutError("no answer")

@emails.process("broken")
async def broken(job: Job) -> None:
    raise Discard("never works")

@slow.process("wait")
async def wait(job: Job) -> None:
    while not Path("let-go").exists():
        await asyncio.sleep(0.05)
"""
"""Handlers that keep a ledger of what they did."""

PRODUCER = """
import json, sys, time
from datetime import timedelta
from pathlib import Path
from prometheus_client import start_http_server
from taskq_core import Client, JobOptions, metrics

port, url = sys.argv[1:]
metrics.register()
start_http_server(int(port), addr="127.0.0.1")
client = Client(url)
while not Path("go").exists():
    time.sleep(0.02)
sent = {"send": 0, "flaky": 0, "duplicate": 0}
for step in range(20):
    sent["send"] += len(client.enqueue_many("emails", "send", [{"n": n} for n in range(48)]))
    sent["flaky"] += len(client.enqueue_many("emails", "flaky", [{"n": n} for n in range(2)]))
    time.sleep(0.1)
once = JobOptions(unique="once", delay=timedelta(hours=1))
for n in range(5):
    sent["duplicate"] += client.enqueue("slow", "wait", {}, once).duplicate
Path("sent.new").write_text(json.dumps(sent))
Path("sent.new").rename("sent")
while True:
    time.sleep(1)
"""
"""Enqueues under load once it may, and says what it enqueued."""


def quick(text: str) -> str:
    """Rules with all their times a sixtieth, minutes to seconds, and nothing else changed."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

    def shorter(match: re.Match[str]) -> str:
        before, number, unit, after = match.groups()
        return f"{before}{max(1, int(number) * seconds[unit] // 60)}s{after}"

    return re.sub(r"(\[|for: |interval: )(\d+)([smhd])(\]|$)", shorter, text, flags=re.MULTILINE)


class LivePrometheus:
    """Debian's Prometheus in a folder of its own. It scrapes each second and has the shipped rules, quick."""

    def __init__(self, folder: Path, env: Mapping[str, str], targets: Mapping[str, str], slo: str) -> None:
        self.targets = targets
        self._port = free_port()
        folder.mkdir()
        for path in PROMETHEUS.glob("alerts.yml"):
            (folder / path.name).write_text(quick(path.read_text()))
        (folder / "slo.yml").write_text(quick(slo))
        shipped = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
        del shipped["alerting"]
        shipped["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        shipped["scrape_configs"] = [
            {"job_name": name, "honor_labels": True, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            for name, port in targets.items()
        ]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(shipped))
        argv = [tool("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
        argv += [f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=warn"]
        self.program = Program(argv, env={**env, "GOMAXPROCS": "2"}, folder=folder, name="prometheus")
        self._data = folder / "data"

    def close(self) -> None:
        """Ends it, and removes what it kept."""
        self.program.kill()
        shutil.rmtree(self._data, ignore_errors=True)

    def ask(self, path: str, **parameters: object) -> Any:
        """What its API answers."""
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urlencode(parameters)}"
        with urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """The samples of an expression."""
        when = {} if at is None else {"time": f"{at:.3f}"}
        found: list[dict[str, Any]] = self.ask("query", query=expression, **when)["result"]
        return found

    def number(self, expression: str, at: float | None = None) -> float:
        """The one value of an expression; 0 when there is none."""
        return sum(float(sample["value"][1]) for sample in self.query(expression, at))

    def grown(self, selector: str) -> float:
        """How much counters of one target have grown, at its last sample, so that nothing is guessed."""
        last = self.number(f"max(timestamp({selector}))")
        return self.number(f"sum(increase({selector}[10m]))", last)

    def firing(self, *alerts: str) -> set[tuple[str, str]]:
        """Alerts that fire now, with their queue."""
        wanted = "|".join(alerts) or ".*"
        found = self.query(f'ALERTS{{alertstate="firing", alertname=~"{wanted}"}}')
        return {(s["metric"]["alertname"], s["metric"].get("queue", "")) for s in found}

    def shown(self, expression: str, seconds: int = 60) -> list[Any]:
        """What a graph of the last minute shows."""
        now = self.number("vector(time())")
        found: list[Any] = self.ask(
            "query_range", query=expression, start=f"{now - seconds:.3f}", end=f"{now:.3f}", step="1"
        )["result"]
        return found

    def wait_for_targets(self, timeout: float) -> None:
        """Returns when all targets were scraped and the rules were evaluated."""

        def all_up() -> bool:
            try:
                up = {sample["metric"]["job"] for sample in self.query("up == 1")}
                return up == set(self.targets) and bool(self.firing("TaskqWatchdog"))
            except OSError:
                assert self.program.running, self.program.stderr
                return False

        wait_until(all_up, timeout, f"targets {list(self.targets)}")
