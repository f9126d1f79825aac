"""Every metric, once: name, kind, labels and help. Pure data; dashboards and rules are tested against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]
Place = Literal["worker", "producer", "exporter"]
Merge = Literal["sum", "max", "min"]

RUN_BUCKETS_S: Final = (
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0,
)  # fmt: skip
WAIT_BUCKETS_S: Final = (
    0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1800.0, 3600.0, 7200.0,
)  # fmt: skip
"""Up to hours, and with the round numbers among them that people choose for SLOs."""
OP_BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. ``name`` is the full one, as it is exposed.

    ``labels`` begin with the namespace, which is the same for all series of a process; ``merge``: how the
    gauges of several processes become one. Counters and histograms are added.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    where: tuple[Place, ...]
    help: str
    buckets: tuple[float, ...] = ()
    merge: Merge = "sum"

    @property
    def varying(self) -> tuple[str, ...]:
        """The labels without the namespace."""
        return tuple(label for label in self.labels if label != "namespace")


_W: Final[tuple[Place, ...]] = ("worker",)
_C: Final[tuple[Place, ...]] = ("producer",)
_E: Final[tuple[Place, ...]] = ("exporter",)
_ALL: Final = ("namespace",)
_JOB: Final = ("namespace", "queue", "task")
_QUEUE: Final = ("namespace", "queue")
_SCHEDULE: Final = ("namespace", "queue", "schedule")
_TENANT: Final = ("namespace", "queue", "tenant")

METRICS: Final[tuple[Metric, ...]] = (
    # -- producers ----------------------------------------------------------------------------
    Metric("taskq_jobs_enqueued_total", "counter", _JOB, _C, "Jobs this process enqueued."),
    Metric(
        "taskq_enqueue_rejected_total", "counter", (*_QUEUE, "reason"), _C,
        "Jobs not enqueued: duplicate, full, draining, memory (of the server), unreachable, error.",
    ),
    # -- workers ------------------------------------------------------------------------------
    Metric(
        "taskq_job_attempts_total", "counter", (*_JOB, "outcome"), _W,
        "Attempts that ended, as the server confirmed: done, failed, timeout, cancelled; lost with a lease.",
    ),
    Metric("taskq_jobs_retried_total", "counter", _JOB, _W, "Failed attempts after which another one comes."),
    Metric("taskq_jobs_dead_total", "counter", _JOB, _W, "Jobs that went to the dead letter queue."),
    Metric(
        "taskq_job_run_seconds", "histogram", _JOB, _W,
        "How long attempts ran that are done, failed or timed out.", RUN_BUCKETS_S,
    ),
    Metric(
        "taskq_job_wait_seconds", "histogram", _QUEUE, _W,
        "From ready to start, of first attempts.", WAIT_BUCKETS_S,
    ),
    Metric("taskq_worker_slots", "gauge", _ALL, _W, "Jobs that may run at the same time."),
    Metric("taskq_worker_busy_slots", "gauge", _ALL, _W, "Jobs that run now."),
    Metric("taskq_worker_draining", "gauge", _ALL, _W, "Worker processes that stop, and claim nothing."),
    Metric(
        "taskq_longest_running_job_seconds", "gauge", _ALL, _W,
        "How long the job has run that runs longest; 0 when none does.", merge="max",
    ),
    Metric(
        "taskq_worker_last_claim_timestamp_seconds", "gauge", _ALL, _W,
        "When a claim was last answered, by jobs or by none, or was not needed, all slots being taken. "
        "Of several processes the oldest. Before the first: the start.",
        merge="min",
    ),
    Metric("taskq_leases_lost_total", "counter", _QUEUE, _W, "Leases that this worker lost."),
    Metric(
        "taskq_jobs_recovered_total", "counter", _QUEUE, _W,
        "Jobs that this worker took over from workers that fell silent.",
    ),
    Metric(
        "taskq_redis_op_seconds", "histogram", (*_ALL, "op"), _W,
        "From sending a call to its answer.", OP_BUCKETS_S,
    ),
    Metric("taskq_redis_errors_total", "counter", (*_ALL, "op", "kind"), _W, "Calls that failed."),
    Metric(
        "taskq_redis_reconnects_total", "counter", _ALL, _W, "Times that the server answered again."
    ),
    # -- the exporter, which reads the server -------------------------------------------------
    Metric("taskq_queue_jobs", "gauge", (*_QUEUE, "state"), _E, "Jobs: ready, running, scheduled or dead."),
    Metric(
        "taskq_queue_oldest_ready_age_seconds", "gauge", _QUEUE, _E,
        "How long the oldest ready job has waited; 0 when none is ready.",
    ),
    Metric(
        "taskq_queue_scheduled_overdue_seconds", "gauge", _QUEUE, _E,
        "How long the next scheduled job is past its time; 0 when none is.",
    ),
    Metric("taskq_queue_enqueued_total", "counter", _QUEUE, _E, "Jobs enqueued since the queue exists."),
    Metric("taskq_queue_done_total", "counter", _QUEUE, _E, "Jobs done since the queue exists."),
    Metric("taskq_queue_failed_total", "counter", _QUEUE, _E, "Failed attempts since the queue exists."),
    Metric("taskq_queue_retried_total", "counter", _QUEUE, _E, "Retries planned since the queue exists."),
    Metric("taskq_queue_dead_total", "counter", _QUEUE, _E, "Jobs that died since the queue exists."),
    Metric("taskq_queue_cancelled_total", "counter", _QUEUE, _E, "Jobs cancelled since the queue exists."),
    Metric(
        "taskq_queue_recovered_total", "counter", _QUEUE, _E,
        "Jobs taken over from silent workers since the queue exists.",
    ),
    Metric("taskq_queue_paused", "gauge", _QUEUE, _E, "1 while no job is handed out, else 0."),
    Metric("taskq_queue_draining", "gauge", _QUEUE, _E, "1 while no job is taken in, else 0."),
    Metric("taskq_queue_workers", "gauge", _QUEUE, _E, "Workers with a lease."),
    Metric(
        "taskq_queue_slo_wait_seconds", "gauge", _QUEUE, _E,
        "How long a job may wait, by `taskq queue set --slo`; absent where none is set.",
    ),
    Metric(
        "taskq_jobs_held", "gauge", (*_QUEUE, "limit"), _E,
        "Ready jobs that are held, by what holds them: task:NAME; key, all concurrency keys; tenant, all "
        "limits of tenants; and tenant_pause.",
    ),
    Metric(
        "taskq_tenant_jobs", "gauge", (*_TENANT, "state"), _E,
        "Ready and running jobs of the tenants that have most; _other: all other jobs of the queue.",
    ),
    Metric(
        "taskq_tenant_done_total", "counter", _TENANT, _E,
        "Jobs done of those tenants. Begins anew when a tenant has had no jobs.",
    ),
    Metric(
        "taskq_groups", "gauge", (*_QUEUE, "state"), _E,
        "Groups that have not finished: open, running, incomplete, failed or stuck; _other: beyond 1,000.",
    ),
    Metric(
        "taskq_schedule_next_timestamp_seconds", "gauge", _SCHEDULE, _E,
        "When a schedule fires next; in the past while nobody fires it. Absent while it is paused.",
    ),
    Metric(
        "taskq_schedule_missed_total", "counter", _SCHEDULE, _E,
        "Runs that were not made, because nobody could fire them in time.",
    ),
    Metric(
        "taskq_schedule_drift_seconds", "gauge", _SCHEDULE, _E,
        "How long after its time the latest run was fired.",
    ),
    Metric(
        "taskq_workers", "gauge", (*_ALL, "state"), _E,
        "Worker processes, alive or draining; stale: leases that ran out and that nobody took over.",
    ),
    Metric(
        "taskq_desired_workers", "gauge", _QUEUE, _E,
        "Worker processes, of the concurrency that the queue's workers have, that the load asks for.",
    ),
    Metric("taskq_redis_up", "gauge", _ALL, _E, "1 when the server answered this scrape, else 0."),
    Metric("taskq_redis_memory_used_bytes", "gauge", _ALL, _E, "Memory that the server uses."),
    Metric("taskq_redis_memory_max_bytes", "gauge", _ALL, _E, "The server's maxmemory; 0: no limit."),
    Metric(
        "taskq_redis_evicted_keys_total", "counter", _ALL, _E, "Keys that the server evicted; may be jobs."
    ),
    Metric("taskq_redis_connected_clients", "gauge", _ALL, _E, "Connections that the server has."),
    Metric("taskq_redis_commands_total", "counter", _ALL, _E, "Commands that the server has carried out."),
    Metric("taskq_redis_cpu_seconds_total", "counter", _ALL, _E, "Time that the server has computed."),
    Metric(
        "taskq_exporter_last_success_timestamp_seconds", "gauge", _ALL, _E,
        "When the server was last read in full. 0: never.",
    ),
    Metric("taskq_exporter_scrape_seconds", "gauge", _ALL, _E, "How long the last reading took."),
    Metric("taskq_exporter_errors_total", "counter", _ALL, _E, "Readings of the server that failed."),
    Metric(
        "taskq_exporter_queues_left_out", "gauge", _ALL, _E, "Queues beyond the limit, not shown."
    ),
    # -- all ------------------------------------------------------------------------------------
    Metric(
        "taskq_build_info", "gauge", ("version", "python", "server"), ("worker", "producer", "exporter"),
        "Always 1. Versions of taskq and Python; kind and version of the server, as far as it is known.",
        merge="max",
    ),
)  # fmt: skip

BY_NAME: Final = {metric.name: metric for metric in METRICS}


def of(place: Place) -> tuple[Metric, ...]:
    """The metrics of one place, in order."""
    return tuple(metric for metric in METRICS if place in metric.where)
