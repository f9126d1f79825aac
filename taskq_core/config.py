"""Every default, once, with its unit and its reason."""

from __future__ import annotations

from typing import Final

DEFAULT_NAMESPACE: Final = "default"
DEFAULT_QUEUE: Final = "default"

# -- limits of one call ---------------------------------------------------------------------
MAX_BATCH: Final = 1_000
"""Jobs in one script call: a batch of 1,000 keeps the server busy for about 4 ms."""
MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
"""Bytes of payload in one script call."""
LOOK_ROWS: Final = 1_000
"""Jobs that one step of a search looks at: it keeps the server busy for 2 to 4 ms."""
LOOK_BYTES: Final = 256 * 1024
"""Bytes of jobs that one step of a list or a search reads, but for the last job: 3 ms of records of 2 KB."""
MAX_PAYLOAD_BYTES: Final = 256 * 1024
"""Bytes of one payload, as JSON. Larger things belong in a store, their address in the payload."""
HARD_PAYLOAD_BYTES: Final = 1024 * 1024
"""What a caller may raise the payload limit to."""
MAX_JSON_DEPTH: Final = 64
MAX_ERROR_BYTES: Final = 8 * 1024
"""Bytes of error message and of traceback that are kept; the end of a traceback counts."""
MAX_RESULT_BYTES: Final = 1024 * 1024

# -- retries --------------------------------------------------------------------------------
RETRIES: Final = 3
"""Further attempts after the first one failed."""
BACKOFF_BASE_MS: Final = 1_000
BACKOFF_FACTOR: Final = 2.0
BACKOFF_CAP_MS: Final = 15 * 60 * 1_000
BACKOFF_JITTER: Final = 0.25
"""Share of a delay that is random, so jobs that failed together do not come back together."""

# -- worker ---------------------------------------------------------------------------------
CONCURRENCY: Final = 10
LEASE_MS: Final = 15_000
"""How long a silent worker keeps its jobs. Kill -9 is recovered within this plus 2 s."""
GRACE_MS: Final = 25_000
"""How long a stopping worker lets jobs finish: under the 30 s of Kubernetes and Compose."""
MAX_WAIT_MS: Final = 1_000
"""The longest an idle worker sleeps, so that a lost wake-up costs at most this."""
PREFETCH_MS: Final = 50
"""Work a worker takes ahead, by the run times it has seen."""
MAX_CRASHES: Final = 3
"""Workers one job may take down with it before it is buried as poison."""
STARVATION_GUARD: Final = 16
"""One claim of this many starts from the lowest level instead of the highest."""
METRICS_HOST: Final = "127.0.0.1"
"""Metrics tell the names of queues and tasks: other machines see them only where that is asked for."""
TARGET_WAIT_S: Final = 60.0
"""How soon a backlog is to be gone where the queue has no SLO: what `desired_workers` is made for."""
EXPORTED_QUEUES: Final = 1_000
"""Queues that an exporter tells of: some 20 series each."""
EXPORTER_FRESH_S: Final = 1.0
"""For so long a look at the server serves all that scrape."""
EXPORTED_TENANTS: Final = 10
"""Tenants of a queue that the exporter tells of by name, each with three series."""
TENANT_STAY_S: Final = 300.0
"""For so long one of them is told at least, whoever has more jobs meanwhile: series are to be few."""
EXPORTED_GROUPS: Final = 1_000
"""Groups of a queue that the exporter looks at to count them by state."""
READY_S: Final = 5.0
"""A worker whose claims are not answered for this long is not ready: an idle one claims each second."""
LIVE_S: Final = 60.0
"""How long a handler may block a worker's event loop before it counts as dead. Leases do not depend on it."""
WORKER_TTL_MS: Final = 60_000
"""How long what a worker said of itself outlives its last word."""

# -- kept on the server ---------------------------------------------------------------------
DEAD_MAX: Final = 100_000
"""Dead jobs kept in a queue; the oldest go first, and are counted as ``trimmed``."""
DEAD_AGE_MS: Final = 30 * 24 * 3600 * 1_000
FAILURES_KEPT: Final = 1_000
EVENTS_KEPT: Final = 10_000
"""Ends of jobs kept in a queue for those who follow them, and only while somebody does."""
EVENTS_A_BATCH: Final = 100
"""Ends that a batch of acks names one by one; of the others only the number is told."""
EVENTS_MS: Final = 60_000
LISTEN_MS: Final = 10_000
"""How long a listener counts as one after its last word."""
HISTORY_S: Final = 2 * 3600
"""Seconds that a per-minute record is kept."""
PRODUCER_TTL_MS: Final = 120_000
"""How long a producer's last reply is kept: longer than any client goes on repeating a call."""
IMPORT_BATCH: Final = 250
"""Jobs in one call that imports: each is looked for first, so 250 keep the server busy for about 4 ms."""
IMPORTED_MS: Final = 24 * 3600 * 1_000
"""How long the ids of imported jobs are noted: an import that broke off may be repeated until then."""
UNIQUE_FOR_MS: Final = 24 * 3600 * 1_000
"""How long a uniqueness lock lives when the caller names no time."""
DEBOUNCE_MOST: Final = 10
"""How many times its span a debounced job waits at most when the caller says nothing else: calls that
never cease must not keep it from running at all."""
WAKE_TOKENS: Final = 64

# -- groups and chains ------------------------------------------------------------------------
GROUP_KEEP_MS: Final = 24 * 3600 * 1_000
"""How long a group is kept after its end, for those who ask how it went."""
MAX_LINKS: Final = 100
"""Jobs in a chain."""
MAX_CHAIN_BYTES: Final = 64 * 1024
"""Bytes of what comes after a job in its chain: they travel with it."""
CONCLUDE_BATCH: Final = 100
"""Jobs from which something follows that end in one call: it keeps the server busy for about 2 ms."""

# -- progress and log lines of running jobs --------------------------------------------------
LOG_LINES: Final = 100
"""Lines kept of a job: the last ones."""
LOG_LINE_BYTES: Final = 2 * 1024
NOTES_BYTES: Final = 64 * 1024
"""Bytes of all lines kept of a job."""
NOTE_BYTES: Final = 200
"""Bytes of the words beside a progress: they stand in one line with it."""
REPORT_S: Final = 0.5
"""How often a worker sends what its jobs say of themselves, all in one call."""
REPORT_JOBS: Final = 100
"""Jobs in one such call, and bytes: they keep the server busy for about 2 ms."""
REPORT_BYTES: Final = 512 * 1024
NOTES_OFF_S: Final = 10.0
"""How long a worker that was told that a queue wants no notes sends none."""
NOTES_MS: Final = 3600 * 1_000
"""How long what a job said outlives its last word while it may be running still."""
NOTES_DONE_MS: Final = 5 * 60 * 1_000
"""The same once it is done or cancelled, where its result is not kept longer."""
NOTES_FAILED_MS: Final = 24 * 3600 * 1_000
"""The same after an attempt that failed: somebody may look into it the next day."""

# -- schedules ------------------------------------------------------------------------------
MAX_SCHEDULES: Final = 1_000
"""Schedules of one queue."""
MAX_SCHEDULE_BYTES: Final = 64 * 1024
"""Bytes of a schedule's payload: lists of schedules carry them."""
GRACE_SKIP_MS: Final = 10_000
"""How late a run may be that is not to be made up for: a worker looks twice a second, but may be busy."""
GRACE_LATEST_MS: Final = 3_600_000
GRACE_ALL_MS: Final = 24 * 3_600_000
MAX_JITTER_MS: Final = 24 * 3_600_000
CATCH_UP: Final = 100
"""Missed runs that are made up for at once."""
FIRES_A_LOOK: Final = 100
"""Schedules that a worker fires before it looks after the rest again."""
STAND_IN_MS: Final = 1_000
"""How late a schedule is when also those workers fire it that do not hold the maintainer's lock."""
RUNS_KEPT: Final = 10
EXPORTED_SCHEDULES: Final = 200
"""Schedules that the exporter tells of, each with three series: of more, those that are due next."""

# -- connections ----------------------------------------------------------------------------
CONNECT_TIMEOUT_S: Final = 5.0
REPLY_TIMEOUT_S: Final = 10.0
LOOK_TIMEOUT_S: Final = 1.0
"""How long a sentinel, or a node asked for the map of its cluster, may be silent before the next is asked."""
SENTINEL_LOOK_S: Final = 1.0
"""How often a client that is busy asks who is the primary: what a replaced one takes in is lost."""
NODE_TIMEOUT_S: Final = 2.0
"""How long a worker waits for one node of a cluster: its queues on the others wait meanwhile."""
DURABLE_MS: Final = 4_000
"""How long an enqueue waits until its jobs are safe. Servers that sync once a second need over a second."""
CALL_DEADLINE_S: Final = 15.0
"""How long a client repeats a call before it raises ServerUnreachable."""
