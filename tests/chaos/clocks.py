"""Servers whose wall clock can be set while they run; their monotonic clock goes on as it is.

A small library (`clock.c`) stands before the C library in the server's process. libfaketime cannot be used:
Debian's Redis asks for the time before it is ready.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from tests.servers import Server, missing

SOURCE = Path(__file__).with_name("clock.c")


def have_own_clock(server: Server) -> None:
    """Before its start: from then on `set_clock` moves the server's clock."""
    compiler = shutil.which("cc")
    if compiler is None:
        missing("there is no C compiler")
    library = server.folder / "clock.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
    set_clock(server, 0)
    server.env = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(_file(server))}


def set_clock(server: Server, hours: float) -> None:
    """Sets the server's clock so many hours away from ours, at once."""
    file = _file(server)
    file.touch()
    with file.open("r+b") as there:  # the server has it mapped: it must stay the same file
        there.write(struct.pack("=q", round(hours * 3600)))


def _file(server: Server) -> Path:
    return server.folder / "clock"
