"""What the services of one worker share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from taskq_core.async_client import AsyncClient
from taskq_core.command import Arg
from taskq_core.metrics.meter import Meter
from taskq_core.worker.options import WorkerOptions
from taskq_core.worker.reporter import Reporter
from taskq_core.worker.sleeper import Sleeper
from taskq_core.worker.slots import Slots
from taskq_core.worker.tenure import Subscription, Tenure


@dataclass(frozen=True, slots=True)
class Context:
    """``about``: what the worker says of itself to a queue. ``lost``: fences a tenure."""

    client: AsyncClient
    subscriptions: tuple[Subscription, ...]
    options: WorkerOptions
    reporter: Reporter
    slots: Slots
    about: Callable[[Subscription], Mapping[str, Arg]]
    lost: Callable[[Tenure], None]
    sleeper: Sleeper
    claiming: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by a claim, and by whatever must not meet a claim on its way."""
    meter: Meter | None = None
    """Counts, where metrics are on."""
