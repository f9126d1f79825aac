"""The matrix: all rows. Each makes one kind of fault, and says what its figures must be.

Where a row says nothing else: nothing lost (L), no enqueue made twice (U), nothing stuck (S), counters right
(C).
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.row import Row
from tests.chaos.rows_load import LOAD_ROWS
from tests.chaos.rows_network import NETWORK_ROWS
from tests.chaos.rows_replica import REPLICA_ROWS
from tests.chaos.rows_server import SERVER_ROWS
from tests.chaos.rows_topology import TOPOLOGY_ROWS
from tests.chaos.rows_workers import WORKER_ROWS

ROWS: Sequence[Row] = (*WORKER_ROWS, *NETWORK_ROWS, *SERVER_ROWS, *REPLICA_ROWS, *TOPOLOGY_ROWS, *LOAD_ROWS)
