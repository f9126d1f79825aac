"""What worker tests look with: the queue ``q`` on an empty server, once per kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scripts.rig import Rig
from tests.servers import Server


@pytest.fixture
def rig(server: Server) -> Iterator[Rig]:
    """The queue, looked at from outside the worker."""
    rig = Rig(server, 2)
    yield rig
    rig.client.close()
