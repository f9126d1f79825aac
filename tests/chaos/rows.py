"""The matrix: all rows. Each makes one kind of fault, and says what its figures must be.

Where a row says nothing else: nothing lost (L), no enqueue made twice (U), nothing stuck (S), counters right
(C).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.chaos.row import Row
from tests.chaos.rows_clock import CLOCK_ROWS
from tests.chaos.rows_flow import FLOW_ROWS
from tests.chaos.rows_hostile import HOSTILE_ROWS
from tests.chaos.rows_load import LOAD_ROWS
from tests.chaos.rows_network import NETWORK_ROWS
from tests.chaos.rows_replica import REPLICA_ROWS
from tests.chaos.rows_schedules import SCHEDULE_ROWS
from tests.chaos.rows_server import SERVER_ROWS
from tests.chaos.rows_topology import TOPOLOGY_ROWS
from tests.chaos.rows_workers import WORKER_ROWS

RESP2 = (
    *WORKER_ROWS, *NETWORK_ROWS, *SERVER_ROWS, *CLOCK_ROWS, *REPLICA_ROWS, *TOPOLOGY_ROWS, *LOAD_ROWS,
    *HOSTILE_ROWS, *SCHEDULE_ROWS, *FLOW_ROWS,
)  # fmt: skip
AGAIN = ("A1", "B1", "B3", "B9", "C2", "C9", "C10", "C14", "F8")
"""Rows whose faults meet what is on its way: run with RESP3 too, where replies have another form."""
RESP3 = tuple(
    replace(row, id=f"{row.id}r3", fault=f"{row.fault} (RESP3)", resp3=True, quick=row.id == "B3")
    for row in RESP2
    if row.id in AGAIN
)
ROWS: Sequence[Row] = (*RESP2, *RESP3)
RECOVERY = ("A1", "A13", "B8", "B9", "B11", "C1", "C2", "C8", "C11d", "D1", "D7", "D8")
"""Rows whose time to recover is told: some of their runs have the machine to themselves."""
