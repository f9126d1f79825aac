"""The services of deploy/compose.yaml as processes of this machine.

Command, variables, folder and health check of each are taken from the file and the Dockerfile. Only what a
network of containers would give is replaced: names of hosts and ports by ports of this machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import servers
from tests.deploy.files import compose, image_environment, image_probe, tool
from tests.processes import Program, taskq_command
from tests.waiting import wait_until

WORKER_PORT, EXPORTER_PORT = "9101", "9102"


def free_port() -> str:
    """A port of this machine that nobody listens on."""
    return str(servers.free_port())


@dataclass(slots=True)
class Replica:
    """A container as a process: what runs, in which environment, and how its health is asked."""

    argv: list[str]
    env: dict[str, str]
    folder: Path
    probe: list[str]
    metrics: str = ""
    programs: list[Program] = field(default_factory=list)

    def start(self) -> Program:
        """Runs it."""
        name = f"{Path(self.argv[0]).name}-{os.urandom(4).hex()}"
        self.programs.append(Program(self.argv, env=self.env, folder=self.folder, name=name))
        return self.programs[-1]

    def healthy(self) -> bool:
        """What its health check says now."""
        probe = self.probe
        done = subprocess.run(
            probe, env=self.env, cwd=self.folder, capture_output=True, timeout=20, check=False
        )
        return done.returncode == 0


class Stack:
    """The services, each started when it is asked for."""

    def __init__(self, folder: Path, environment: dict[str, str], **settings: str) -> None:
        self.services: dict[str, Any] = compose(**settings)["services"]
        self._folder = folder
        self._environment = environment
        self._redis_port, self._exporter_port = free_port(), free_port()
        self._replicas: list[Replica] = []
        (folder / "data").mkdir()

    @property
    def url(self) -> str:
        """Where Redis is."""
        return self._here("redis://redis:6379")

    def redis(self) -> Replica:
        """The server, with the options of the file and, for its volume, a folder."""
        service = self.services["redis"]
        [program, *options] = service["command"]
        argv = [tool(program), *options, "--port", self._redis_port, "--bind", "127.0.0.1"]
        probe = service["healthcheck"]["test"][1:]
        probe = [tool(probe[0]), "-p", self._redis_port, *probe[1:]]
        return self._kept(Replica(argv, dict(self._environment), self._folder / "data", probe))

    def taskq(self, name: str, *command: str) -> Replica:
        """A service made from the image; ``command``: instead of its own."""
        service = self.services[name]
        port = free_port() if name == "worker" else self._exporter_port
        env = self._environment | image_environment() | service["environment"]
        del env["PATH"]
        env["PATH"] = self._environment["PATH"]
        env |= {"TASKQ_METRICS_PORT": port, "TASKQ_REDIS_URL": self._here(env["TASKQ_REDIS_URL"])}
        env["TASKQ_METRICS_HOST"] = "127.0.0.1"
        argv = [*taskq_command(), *self._words(command or service["command"], port)]
        test = service.get("healthcheck", {}).get("test", ["CMD", *image_probe()])
        probe = [*taskq_command(), *self._words(test[2:], port)]
        folder = next((Path(v["source"]) for v in service.get("volumes", ())), self._folder)
        scratch = self._folder / f"app-{os.urandom(4).hex()}"
        scratch.mkdir()
        if folder != self._folder:
            env["PYTHONPATH"] = f"{folder}:{env['PYTHONPATH']}"
        return self._kept(Replica(argv, env, scratch, probe, port))

    def up(self, replica: Replica, timeout: float = 40) -> Program:
        """Starts it and waits until its health check is content."""
        program = replica.start()
        wait_until(replica.healthy, timeout, f"health of {replica.argv}")
        return program

    def close(self) -> None:
        """Ends whatever still runs."""
        for replica in self._replicas:
            for program in replica.programs:
                program.kill()

    def _kept(self, replica: Replica) -> Replica:
        self._replicas.append(replica)
        return replica

    def _here(self, url: str) -> str:
        return url.replace("//redis:6379", f"//127.0.0.1:{self._redis_port}")

    @staticmethod
    def _words(words: Sequence[str], port: str) -> list[str]:
        local = {WORKER_PORT: port, EXPORTER_PORT: port, "0.0.0.0": "127.0.0.1"}
        return [local.get(word, word) for word in words]
