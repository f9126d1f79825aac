"""What the pages of docs/ are run in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server and a few files for the blocks of one page."""
    found = World(tmp_path_factory.mktemp("page"))
    yield found
    found.close()
