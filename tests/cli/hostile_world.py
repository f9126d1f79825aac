"""A server where all that others may write holds attacks: payloads, errors, names, workers, results."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from taskq_core import Client, Discard, Job, JobOptions, Schedule, TaskQueue, WorkerOptions
from tests.attacks import ATTACKS
from tests.cli.many import Many
from tests.processes import environment
from tests.servers import Server

ALL = "".join(text for name, text in ATTACKS.items() if name != "megabyte")
QUEUE = "emails"
ROOT_KEY = f"taskq:{{default/{QUEUE}}}:"


def run_jobs(url: str) -> tuple[list[str], list[str]]:
    """Runs jobs that return attacks, or die of them: those that were done, and the dead."""
    tasks = TaskQueue(QUEUE, redis=url, retries=0)

    @tasks.process("send")
    def send(job: Job) -> Any:
        job.progress(0.5, ALL)
        job.log(ALL[:2000])
        if "keep" in job.payload:
            return {job.payload["keep"]: ALL}
        text = job.payload["error"]
        raise type(text[:80].replace("\x00", "") or "E", (Discard,), {})(text)

    keep = JobOptions(keep=timedelta(hours=1))
    done, dead = list[str](), list[str]()
    for text in ATTACKS.values():
        done.append(str(tasks.add_sync("send", {"keep": text}, options=keep)))
        dead.append(str(tasks.add_sync("send", {"error": text[:90_000], text[:50]: text[:90_000]})))
        dead.append(str(tasks.add_sync("send", {"error": text, "kept": 1}, options=keep)))
    tasks.run(WorkerOptions(burst=True))
    tasks.close_sync()
    return done, dead


class HostileWorld:
    """What is there, and references to it."""

    def __init__(self, folder: Path) -> None:
        self.server = Server("valkey").start()
        self.client = Client(self.server.url)
        env = environment(folder, self.server.url, TERM="dumb", COLUMNS="200", LINES="50")
        self.many = Many(folder, env)
        self.done, self.dead = run_jobs(self.server.url)
        self.waiting = self._enqueue_more()
        self._write_by_hand()
        self.line = json.dumps({"task": "t", "payload": {"x": ALL}})

    def close(self) -> None:
        """Ends all."""
        self.many.close()
        self.client.close()
        self.server.remove()

    def _enqueue_more(self) -> list[str]:
        later = JobOptions(delay=timedelta(hours=1))
        found = [str(self.client.enqueue(QUEUE, "t", {"x": text})) for text in ATTACKS.values()]
        return found + [
            str(self.client.enqueue(QUEUE, "t", {text[:60]: text}, later)) for text in ATTACKS.values()
        ]

    def _write_by_hand(self) -> None:
        raw = self.server.raw
        hostile = ALL.encode("utf-8", "replace")
        raw.sadd("taskq:default:queues", hostile, b"\x1b[31mqueue", b"[red]x[/]")
        raw.xadd(ROOT_KEY + "n", {b"\x1b[31mtask\x9b": b"\xff\xfe not json \x1b[2J", hostile: hostile})
        raw.xadd(ROOT_KEY + "failures", {b"id": hostile, b"task": hostile, b"error": hostile})
        for worker in (b"host:1:ab", b"\x1b[31mw\x9b0m"):
            about = {
                "host": hostile,
                "tasks": hostile,
                "version": hostile,
                "running": hostile,
                "queues": hostile,
            }
            about |= {"pid": hostile, "slots": hostile, "busy": b"1", "started": hostile, "python": hostile}
            raw.hset(ROOT_KEY.encode() + b"worker:" + worker, mapping=about)
            raw.zadd(ROOT_KEY + "leases", {worker: (time.time() + 3600) * 1000})
        # schedules: one of ours with hostile text in it, and others that nobody of ours wrote
        self.client.schedules.add(QUEUE, Schedule("evil", "@yearly", "t", {ALL[:60]: ALL}))
        for name in (b"evil2", hostile, b"\x1b[31m"):
            raw.hset(ROOT_KEY + "schedules", name, b"n " + hostile + b"\n{}\n" + hostile + b"\n" + hostile)
            raw.zadd(ROOT_KEY + "schedules:next", {name: "1"})
            raw.hset(ROOT_KEY + "schedules:runs", name + b":runs", b"1 2 " + hostile)
        raw.hset(
            ROOT_KEY + "schedules:runs",
            "evil:runs",
            b"1 2 \x1b[2J\x9b " + hostile + b"\n1 2 fired " + hostile,
        )
        self.said = self._say_by_hand(hostile)
        fields = {"total": "1", "callback": "n " + ALL, "job": ALL, "created": ALL, "finished": "9" * 40}
        raw.hset(ROOT_KEY + "group:g", mapping=fields)
        raw.zadd(ROOT_KEY + "groups", {"g": "inf", ALL[:3000]: "inf"})
        # a job that a worker of that name holds
        groups = raw.xinfo_groups(ROOT_KEY + "n")
        raw.xreadgroup(groups[0]["name"], b"\x1b[31mw\x9b0m", {ROOT_KEY + "n": ">"}, count=2)

    def _say_by_hand(self, hostile: bytes) -> list[str]:
        """Notes as somebody else may have written them; their jobs."""
        for ref in (*self.dead[:3], *self.waiting[:3]):
            key = f"{ROOT_KEY}notes:{ref.partition('/')[2]}"
            notes = {
                "progress": "0.5",
                "note": hostile,
                "attempt": hostile,
                "at": hostile,
                "skipped": hostile,
            }
            lines = {"n": "3", "1": b"1 1 " + hostile, "2": hostile, "3": b"\x1b[2J \x9b " + hostile}
            self.server.raw.hset(key, mapping=notes | lines)
        return [*self.dead[:3], *self.waiting[:3]]


if __name__ == "__main__":
    while True:  # until it is killed
        run_jobs(sys.argv[1])
