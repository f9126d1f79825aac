"""The rig of the script tests: once per kind of server and protocol."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from tests.scripts.rig import Rig
from tests.servers import KINDS, Server

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """RESP3 with one of the servers, by the name of the test: half of the tests meet each.

    All four with TASKQ_TEST_ALL=1.
    """
    if not os.environ.get("TASKQ_TEST_ALL"):
        items[:] = [item for item in items if not _said_already(item)]


def _said_already(item: pytest.Item) -> bool:
    call = getattr(item, "callspec", None)
    if not isinstance(item, pytest.Function) or call is None or HERE not in item.path.parents:
        return False
    kind = KINDS[crc32(item.originalname.encode()) % len(KINDS)]
    return bool(call.params.get("rig") == 3 and call.params.get("server") != kind)


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def rig(request: pytest.FixtureRequest, server: Server) -> Iterator[Rig]:
    """A queue on an empty server."""
    rig = Rig(server, request.param)
    yield rig
    rig.client.close()
