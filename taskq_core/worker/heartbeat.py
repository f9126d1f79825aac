"""Keeps the leases alive, from a thread of its own with a connection of its own.

A handler that blocks the event loop does not cost the lease. Between two beats the thread listens for
orders, such as the cancellation of a job that runs here.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from taskq_core.clock import monotonic
from taskq_core.commands import work
from taskq_core.errors import TaskqError
from taskq_core.worker.context import Context
from taskq_core.worker.metered import sync_client
from taskq_core.worker.tenure import Subscription, Tenure
from taskq_core.worker.trouble import Trouble

log = logging.getLogger("taskq.worker")
_NEWS_S = 0.2
"""After an order the next beat comes this soon, so that it is seen to have arrived."""
_LISTEN_S = 0.5
_LEAST_S = 2 * _LISTEN_S
"""The shortest wait for a reply: one to the listening comes after half a second."""


class Orders(Protocol):
    """What the thread passes on: called there, carried out in the event loop."""

    def lose(self, tenure: Tenure) -> None:
        """The lease of a tenure is gone."""
        ...

    def cancel(self, tenure: Tenure, job_id: str) -> None:
        """A job of the tenure is to be cancelled."""
        ...

    def stop_ordered(self, *, now: bool) -> None:
        """The worker is to end; ``now``: without waiting for what runs."""
        ...


class Heartbeat:
    """Beats three times a lease, with jitter."""

    def __init__(self, context: Context, subscriptions: Sequence[Subscription], orders: Orders) -> None:
        shared = context.client
        # an answer that comes later than this is as bad as none: a new connection may still save the lease
        reply_s = max(_LEAST_S, context.options.lease_ms / 3000)
        self._client = sync_client(shared.url, shared.namespace, context.meter, reply_s)
        self.beaten = monotonic()
        """When the server last took all beats."""
        self._subscriptions = subscriptions
        self._lease_ms = context.options.lease_ms
        self._about = context.about
        self._orders = orders
        self._trouble = Trouble("the heartbeat")
        self._stop = threading.Event()
        self._news = False  # an order was obeyed: what came of it is told soon
        self._thread = threading.Thread(target=self._run, name="taskq-heartbeat", daemon=True)

    def start(self) -> None:
        """Begins to beat."""
        for subscription in self._subscriptions:
            subscription.beaten = self.beaten
        self._thread.start()

    def stop(self) -> None:
        """Ends with the present wait: at the next order, after half a second at most."""
        self._stop.set()

    def join(self, seconds: float) -> None:
        """Waits for the thread to end."""
        self._thread.join(seconds)
        self._client.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            due = monotonic() + self._lease_ms / 3000 * random.uniform(0.8, 1.0)  # noqa: S311 - jitter
            try:
                for subscription in self._subscriptions:
                    self._beat(subscription)
                self.beaten = monotonic()
                self._trouble.over()
                while not self._stop.is_set() and (left := due - monotonic()) > 0:
                    self._listen(min(left, _LISTEN_S))
                    if self._news:
                        self._news, due = False, min(due, monotonic() + _NEWS_S)
            except TaskqError as error:
                self._trouble.note(error)
                self._stop.wait(min(0.5, self._lease_ms / 10_000))
            except Exception:
                # a fault of ours must not end the thread: without it the lease runs out
                log.exception("the heartbeat failed and begins anew")
                self._stop.wait(min(0.5, self._lease_ms / 10_000))

    def _beat(self, subscription: Subscription) -> None:
        # also while there is no lease: only who can keep one may register for the next
        tenure = subscription.tenure
        lost, about = tenure.lost, self._about(subscription)
        now = self._client.run(work.heartbeat(tenure.keys, tenure.worker, self._lease_ms, about))
        subscription.beaten = monotonic()
        if now == -1 and not lost:  # it may have been registered since
            self._orders.lose(tenure)

    def _listen(self, seconds: float) -> None:
        told = {
            s.tenure.keys.told(s.tenure.worker): s.tenure for s in self._subscriptions if not s.tenure.lost
        }
        if not told:
            self._stop.wait(seconds)
            return
        # a pop of 0 s would block for ever
        reply: Any = self._client.execute("BLPOP", *told, f"{max(seconds, 0.001):.3f}")
        if reply:
            self._obey(told[reply[0].decode()], reply[1])

    def _obey(self, tenure: Tenure, order: bytes) -> None:
        try:
            what = msgspec.json.decode(order, type=dict[str, str])
        except msgspec.MsgspecError:
            log.warning("queue %s: an order that cannot be read was ignored", tenure.keys.queue)
            return
        if self._stop.is_set():
            return
        if "cancel" in what:
            self._orders.cancel(tenure, what["cancel"])
        if "stop" in what:
            self._orders.stop_ordered(now=what["stop"] == "now")
        self._news = True
