"""A terminal that goes away without a hang-up: nobody looks any more, so the view ends."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from pathlib import Path

from tests.processes import environment, taskq_command
from tests.servers import Server
from tests.waiting import wait_until


def test_the_view_ends_when_its_terminal_is_gone(any_server: Server, clean_home: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = environment(clean_home, any_server.url) | {"TERM": "xterm-256color"}
    # a session of its own, but not its terminal: so no signal comes when that closes
    process = subprocess.Popen(
        [*taskq_command(), "top"], stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
    )
    os.close(theirs)
    try:
        shown = bytearray()
        wait_until(lambda: b"nothing wrong" in _more(ours, shown), 20, "the first picture")
        os.close(ours)

        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def _more(terminal: int, shown: bytearray) -> bytearray:
    while select.select([terminal], [], [], 0)[0]:
        shown += os.read(terminal, 65_536)
    return shown
