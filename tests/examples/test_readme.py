"""README.md: its example works as it is printed, and its links lead somewhere."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.conftest import Spawn, Taskq
from tests.processes import ROOT, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
PAGES += sorted(f"docs/{page.name}" for page in ROOT.glob("docs/*.md"))


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_the_ten_lines_run_a_job_that_the_command_enqueued(
    server: Server, spawn: Spawn, taskq: Taskq, tmp_path: Path
) -> None:
    [shop] = [block for block in python_blocks() if block.startswith("# shop.py")]
    (tmp_path / "shop.py").write_text(shop.replace("redis://localhost:6379", server.url))

    sent = taskq("enqueue", "send-email", "to=user@example.com", "-q", "emails", url=server.url)
    worker = spawn([*taskq_command(), "worker", "shop:queue"], server.url)

    assert re.fullmatch(r"emails/n\d+-0\n", sent.stdout), sent.stderr
    wait_until(lambda: "to user@example.com attempt 1" in worker.stdout, what="the job to run")
    assert worker.stop() == 128 + signal.SIGTERM, worker.stderr


@pytest.mark.parametrize("page", PAGES)
def test_links_to_files_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text())

    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
