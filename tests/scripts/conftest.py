"""The rig of the script tests: once per kind of server and protocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scripts.rig import Rig
from tests.servers import Server


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def rig(request: pytest.FixtureRequest, server: Server) -> Iterator[Rig]:
    """A queue on an empty server."""
    rig = Rig(server, request.param)
    yield rig
    rig.client.close()
