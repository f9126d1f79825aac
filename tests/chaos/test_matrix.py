"""Each row of the matrix once, with one seed, on one of the servers; `make chaos` runs them many times."""

from __future__ import annotations

import pytest

from tests.chaos.matrix import run_row
from tests.chaos.row import Row
from tests.chaos.rows import ROWS
from tests.servers import KINDS

QUICK = [row for row in ROWS if row.quick]


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("at", "row"), list(enumerate(QUICK)), ids=[row.id for row in QUICK])
def test_a_row_of_the_matrix_keeps_its_limits(at: int, row: Row) -> None:
    outcome = run_row(row, KINDS[at % len(KINDS)], seed=1)

    assert not outcome.wrong, outcome.line()
