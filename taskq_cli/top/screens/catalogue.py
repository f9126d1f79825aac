"""All screens, in the order of their keys."""

from __future__ import annotations

from collections.abc import Iterator

from taskq_cli.top.format import Pen
from taskq_cli.top.screens.charts import Charts
from taskq_cli.top.screens.events import Events
from taskq_cli.top.screens.failures import Failures
from taskq_cli.top.screens.groups import Groups
from taskq_cli.top.screens.job import Job
from taskq_cli.top.screens.jobs import Jobs
from taskq_cli.top.screens.overview import Overview
from taskq_cli.top.screens.queues import Queues
from taskq_cli.top.screens.schedules import Schedules
from taskq_cli.top.screens.server import Server
from taskq_cli.top.screens.tenants import Tenants
from taskq_cli.top.screens.view import View
from taskq_cli.top.screens.worker import Worker
from taskq_cli.top.screens.workers import Workers


def views(pen: Pen) -> Iterator[View]:
    """One of each."""
    yield Overview(pen)
    yield Queues(pen)
    yield Jobs(pen)
    yield Failures(pen)
    yield Workers(pen)
    yield Schedules(pen)
    yield Events(pen)
    yield Charts(pen)
    yield Server(pen)
    yield Job(pen)
    yield Worker(pen)
    yield Tenants(pen)
    yield Groups(pen)
