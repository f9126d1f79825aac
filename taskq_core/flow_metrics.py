"""What the exporter tells of limits, tenants and groups: read only from queues that have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from taskq_core import config
from taskq_core.client import Client
from taskq_core.group import GroupInfo
from taskq_core.limits import Gates
from taskq_core.metrics.labels import OTHER
from taskq_core.metrics.sheet import Sheet
from taskq_core.snapshot import QueueSnapshot
from taskq_core.tenant import HeldTenants, TenantInfo


class Prominent:
    """Which tenants of each queue are told by name: those with most jobs.

    Who is told keeps the place for some minutes, so that tenants that come and go do not make series without
    end.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._since: dict[str, dict[str, float]] = {}
        self._known: dict[str, list[str]] = {}

    def known(self, queue: str) -> list[str]:
        """The tenants that were found at the last look, whom the next one is to look at again."""
        return self._known.get(queue, [])

    def choose(self, queue: str, found: Sequence[TenantInfo], now: float) -> list[TenantInfo]:
        """Those to be told, of ``found``, in which those with most jobs come first. ``now`` in seconds."""
        seats = {
            name: since
            for name, since in self._since.get(queue, {}).items()
            if now - since < config.TENANT_STAY_S
        }
        for info in found:
            if len(seats) >= self.most:
                break
            seats.setdefault(info.name, self._since.get(queue, {}).get(info.name, now))
        self._since[queue], self._known[queue] = seats, [info.name for info in found]
        return [info for info in found if info.name in seats]

    def forget(self, queues: Iterable[str]) -> None:
        """Drops what is known of all other queues."""
        kept = set(queues)
        self._since = {name: seats for name, seats in self._since.items() if name in kept}
        self._known = {name: known for name, known in self._known.items() if name in kept}


@dataclass(frozen=True, slots=True)
class Flow:
    """One look at what holds jobs, who has them and what belongs together; by queue."""

    gates: Mapping[str, Gates] = field(default_factory=dict)
    held: Mapping[str, HeldTenants] = field(default_factory=dict)
    tenants: Mapping[str, Sequence[TenantInfo]] = field(default_factory=dict)
    groups: Mapping[str, Sequence[GroupInfo]] = field(default_factory=dict)


def read_flow(client: Client, snapshots: Sequence[QueueSnapshot], prominent: Prominent, now: float) -> Flow:
    """A look; queues without limits, tenants and groups cost nothing. Raises: ServerUnreachable, …"""
    # one by one: some of these take milliseconds, and a batch of them would hold up all others meanwhile
    tenants: dict[str, list[TenantInfo]] = {}
    for snapshot in snapshots:
        name = snapshot.queue
        if snapshot.tenants and prominent.most:
            found = client.tenants.busiest(name, prominent.known(name))
            tenants[name] = prominent.choose(name, found, now)
    prominent.forget(tenants)
    return Flow(
        {each.queue: client.gates(each.queue) for each in snapshots if each.held > each.held_by_tenants},
        {each.queue: client.tenants.held(each.queue, limit=0) for each in snapshots if each.held_by_tenants},
        tenants,
        {
            each.queue: client.groups.unfinished(each.queue, limit=config.EXPORTED_GROUPS)
            for each in snapshots
            if each.groups
        },
    )


def sheet_of_flow(flow: Flow, snapshots: Sequence[QueueSnapshot]) -> Sheet:
    """A look as a sheet; what no queue has is left out."""
    by_name = {snapshot.queue: snapshot for snapshot in snapshots}
    sheet: Sheet = {
        "taskq_jobs_held": _of_gates(flow.gates) | _of_tenants(flow.held),
        "taskq_tenant_jobs": {},
        "taskq_tenant_done_total": {
            (queue, info.name): info.done for queue, those in flow.tenants.items() for info in those
        },
        "taskq_groups": {},
    }
    for queue, those in flow.tenants.items():
        sheet["taskq_tenant_jobs"] |= _jobs_of(by_name[queue], those)
    for queue, groups in flow.groups.items():
        sheet["taskq_groups"] |= _states_of(by_name[queue], groups)
    return {name: values for name, values in sheet.items() if values}


def _of_gates(gates: Mapping[str, Gates]) -> dict[tuple[str, ...], float]:
    """Held jobs by queue and limit; keys are one limit, for there may be any number of them."""
    found: dict[tuple[str, ...], float] = {}
    for queue, those in gates.items():
        tasks = {f"task:{gate.name}": gate.held for gate in those.gates if gate.of == "task"}
        # all that is held leaves out jobs of tenants, and of keys not all may be listed
        keys = sum(gate.held for gate in those.gates if gate.of == "key")
        rest = max(keys, those.held - sum(tasks.values()))
        found |= {(queue, limit): held for limit, held in {**tasks, "key": rest}.items()}
    return found


def _of_tenants(held: Mapping[str, HeldTenants]) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for queue, those in held.items():
        found |= {(queue, "tenant"): those.limited_jobs, (queue, "tenant_pause"): those.paused_jobs}
    return found


def _jobs_of(snapshot: QueueSnapshot, told: Sequence[TenantInfo]) -> dict[tuple[str, ...], float]:
    """Jobs of the tenants that are told, and of all others, of no tenant too, as one."""
    found: dict[tuple[str, ...], float] = {}
    left = {"ready": snapshot.ready_total, "running": snapshot.running}
    for info in told:
        for state, count in (("ready", info.ready_total), ("running", info.running)):
            found[snapshot.queue, info.name, state] = count
            left[state] -= count
    # it is not quite the same moment
    return found | {(snapshot.queue, OTHER, state): max(0, count) for state, count in left.items()}


def _states_of(snapshot: QueueSnapshot, groups: Sequence[GroupInfo]) -> dict[tuple[str, ...], float]:
    counts = Counter(str(info.state) for info in groups)
    states: dict[str, int] = dict.fromkeys(("open", "running", "incomplete", "failed", "stuck"), 0) | counts
    return {
        (snapshot.queue, state): count
        for state, count in {**states, OTHER: max(0, snapshot.groups - len(groups))}.items()
    }
