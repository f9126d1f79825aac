"""examples/emails.py: jobs that deliver over SMTP to a real mail server."""

from __future__ import annotations

import sys

from tests.conftest import Spawn
from tests.processes import ROOT
from tests.servers import Server


def test_every_message_is_delivered_and_the_unknown_address_ends_in_the_dead_letter_queue(
    server: Server, spawn: Spawn
) -> None:
    example = spawn([sys.executable, str(ROOT / "examples" / "emails.py"), "30"], server.url)

    assert example.wait(60) == 0, example.stderr
    assert "29 messages delivered, 1 of them at the second attempt" in example.stdout
    assert "is dead: 550 no such user" in example.stdout
    assert "your account is ready" in example.stdout
