"""Runs images under runc: their user, no capabilities, a read-only file system, and an empty /tmp."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.deploy.image.building import call
from tests.waiting import wait_until

NUMBERS = count(1)
SCRATCH: Final = {
    "destination": "/tmp",
    "type": "tmpfs",
    "source": "tmpfs",
    "options": ["nosuid", "nodev", "mode=1777"],
}
MOUNTED: Final = {"type": "bind", "options": ["bind", "ro"]}


class Box:
    """A container that runs; it shares the network of this machine."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self._name, self._process, self._log = name, process, log

    @property
    def said(self) -> str:
        """All it has written so far."""
        return self._log.read_text(errors="replace")

    def ask(self, *argv: str) -> int:
        """The exit code of a command inside it, as a health check runs one."""
        return subprocess.run(
            ["runc", "exec", self._name, *argv], capture_output=True, check=False
        ).returncode

    def read(self, *argv: str) -> str:
        """What a command inside it prints."""
        return call("runc", "exec", self._name, *argv)

    def stop(self, limit: float) -> int:
        """SIGTERM to its first process; its exit code."""
        call("runc", "kill", self._name, "TERM")
        return self.wait(limit)

    def wait(self, limit: float) -> int:
        """Its exit code, once it ends."""
        wait_until(lambda: self._process.poll() is not None, limit, f"the end of {self._name}: {self.said}")
        return self._process.returncode

    def remove(self) -> None:
        """Ends it, if it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            subprocess.run(["runc", "delete", "--force", self._name], capture_output=True, check=False)
        self._process.wait(20)


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: its files, what it says about running it, and a folder for what a run leaves."""

    root: Path
    settings: dict[str, Any]
    work: Path

    @contextmanager
    def running(
        self, *argv: str, env: Mapping[str, str] | None = None, app: Path | None = None
    ) -> Iterator[Box]:
        """A container of it. ``argv``: instead of its command; ``app``: a folder for /app."""
        name = f"taskq-check-{os.getpid()}-{next(NUMBERS)}"
        bundle = self.work / name
        bundle.mkdir()
        call("runc", "spec", "--bundle", bundle)
        path = bundle / "config.json"
        path.write_text(json.dumps(self._filled(json.loads(path.read_text()), argv, app, env or {})))
        log = bundle / "log"
        command = ["runc", "run", "--bundle", str(bundle), name]
        with log.open("w") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        found = Box(name, process, log)
        try:
            yield found
        finally:
            found.remove()

    def _filled(
        self, spec: dict[str, Any], argv: Sequence[str], app: Path | None, env: Mapping[str, str]
    ) -> dict[str, Any]:
        says, process = self.settings, spec["process"]
        user, group = map(int, says["User"].split(":"))
        process |= {"terminal": False, "user": {"uid": user, "gid": group}, "cwd": says["WorkingDir"]}
        process |= {"args": [*says["Entrypoint"], *(argv or says["Cmd"])], "noNewPrivileges": True}
        process["env"] = [*says["Env"], *(f"{name}={value}" for name, value in env.items())]
        process["capabilities"] = {kind: [] for kind in process["capabilities"]}
        spec["root"] = {"path": str(self.root), "readonly": True}
        spec["mounts"].append(SCRATCH)
        if app is not None:
            spec["mounts"].append(MOUNTED | {"source": str(app), "destination": "/app"})
        namespaces = spec["linux"]["namespaces"]
        spec["linux"]["namespaces"] = [space for space in namespaces if space["type"] != "network"]
        return spec
