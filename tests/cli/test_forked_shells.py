"""In a shell, a fork (`tests/warm_shell.py`) is and ends as the program itself would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.processes import environment, with_command

LINES = {
    "the end of a good one": "taskq --version",
    "streams and the code of a wrong one": "taskq no-such-command; echo $?",
    "its input": """printf '{"n": 1}\\n{"n": 2}\\n' | taskq enqueue t - -q emails 2>&1 >/dev/null""",
    "its folder": "mkdir sub; cd sub; echo '{' > taskq.toml; taskq queue ls 2>&1 | grep -c taskq.toml",
    "its variables": "TASKQ_REDIS_URL=redis://127.0.0.1:1 TASKQ_NAMESPACE=-- taskq queue ls; echo $?",
    "a variable of the interpreter": "PYTHONIOENCODING=ascii taskq café; echo $?",
    "a signal": """taskq exporter --port 0 2>said & until grep -q http: said; do sleep 0.05; done
        kill -TERM $!; wait $!; echo $?""",
    "a closed stream": "taskq --version >&-; echo $?",
}


@pytest.mark.skipif(
    sys.platform != "linux" or "TASKQ_TEST_COLD" in os.environ, reason="shells start the program"
)
@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_fork_in_a_shell_does_what_the_program_does(
    sh: Shell, tmp_path: Path, clean_home: Path, line: str
) -> None:
    plain = environment(clean_home, sh.server.url)
    said = []
    for forks in (True, False):
        folder = tmp_path / f"forks-{forks}"
        folder.mkdir()
        env = with_command(plain, folder / "bin", forks=forks)
        assert ("warm_shell" in (folder / "bin" / "taskq").read_text()) == forks
        done = subprocess.run(
            ["bash", "-c", line], env=env, cwd=folder, capture_output=True, text=True, timeout=20, check=False
        )
        said.append((done.returncode, done.stdout, done.stderr))

    assert said[0] == said[1]
