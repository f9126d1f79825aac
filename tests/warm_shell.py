"""`python -IS warm_shell.py DOOR ENVIRONMENT COMMAND [ARGUMENT …]`: for shells, our command as a fork.

It asks the process of `tests.warm` that listens at DOOR, hands it its own streams, passes signals on, and
ends as the fork ended. Where nobody listens any more, a stream is closed, or a variable of the interpreter
(ENVIRONMENT, as JSON) has been changed, it becomes COMMAND itself. Few imports, and no `site`: it is started
for each command.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def main(door: str, expected: str, argv: list[str]) -> None:
    """Runs the command, and ends as it does."""
    begins, env = json.loads(expected)
    here = {name: value for name, value in os.environ.items() if name.startswith(tuple(begins))}
    try:
        for stream in range(3):
            os.fstat(stream)
        asking = socket.socket(socket.AF_UNIX)
        asking.connect(door)
    except OSError:
        here = {}
    if here != env:
        os.execv(argv[0], argv)
    code = _wait(_ask(asking, argv))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _ask(asking: socket.socket, argv: list[str]) -> socket.socket:
    """Has it forked; the end where it tells of it."""
    request = os.memfd_create("request")
    asked = {"argv": argv, "env": dict(os.environ), "cwd": os.getcwd()}  # noqa: PTH109 - costs an import
    os.write(request, json.dumps(asked).encode())
    os.lseek(request, 0, os.SEEK_SET)
    reports, theirs = socket.socketpair()
    socket.send_fds(asking, [b"?"], [request, theirs.fileno(), 0, 1, 2])
    theirs.close()
    return reports


def _wait(reports: socket.socket) -> int:
    """The exit code of the fork, negative for a signal."""
    pid = int.from_bytes(reports.recv(4), sys.byteorder)

    def pass_on(number: int, frame: object) -> None:
        os.kill(pid, number)

    for number in PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    os.closerange(0, 3)  # what it reads and writes is the fork's alone
    return int.from_bytes(reports.recv(4), sys.byteorder, signed=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
