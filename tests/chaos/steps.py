"""What all steps of the stateful test share: queue, model, what workers believe, and how calls are made."""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from taskq_core import State
from taskq_core.claimed import Job
from taskq_core.command import Command
from tests.chaos.model import Known, Model
from tests.chaos.recount import Recount, Saved, recount
from tests.scripts.rig import Rig
from tests.servers import Server

Data = st.DataObject
OUTCOME = b'{"state":"done","result":1}'


class Steps(RuleBasedStateMachine):
    """One queue on a real server, several workers, and what should be true of them."""

    server: ClassVar[Server]
    protocol: ClassVar[int] = 2
    made: ClassVar[int] = 0
    """Runs, all machines together."""
    taken: ClassVar[int] = 0
    """Steps, all machines together."""

    def __init__(self) -> None:
        super().__init__()
        self.server.raw.flushall()
        self.rig = Rig(self.server, self.protocol)
        self.model = Model()
        self.seen: Recount = recount(self.rig.raw, self.rig.keys)
        self.held: dict[str, dict[str, Job]] = {}
        """What each worker believes to run; after a rewind the server may know nothing of it."""
        self.past: deque[tuple[Saved, Model]] = deque(maxlen=6)
        """The server and the model after each of the last steps."""
        self.last: Command[Any] | None = None
        """The last call that may be made again, as long as nothing else was."""
        self.calls = 0
        Steps.made += 1

    def teardown(self) -> None:
        """Closes the client."""
        self.rig.client.close()

    # -- how calls are made ---------------------------------------------------------------------

    def once(self, command: Command[Any]) -> Any:
        """Makes a call that does more when it is repeated, such as a claim."""
        self.last = None
        return self.rig.run(command)

    def call(self, command: Command[Any], *, same_reply: bool = False) -> Any:
        """Makes a call, and once more as after a lost reply: nothing may change then. The first reply."""
        reply = self.rig.run(command)
        self.last = command
        before = self.rig.dump()
        again = self.rig.run(command)
        assert self.rig.dump() == before, f"{command.script.name} again changed something"
        if same_reply:
            assert list(again) == list(reply), f"{command.script.name} again said something else"
        return reply

    def refused(self, command: Command[Any], error: type[Exception]) -> None:
        """Makes a call that has to be refused and to change nothing."""
        before = self.rig.dump()
        try:
            self.rig.run(command)
        except error:
            assert self.rig.dump() == before, f"{command.script.name} was refused and changed something"
        else:
            raise AssertionError(f"{command.script.name} was not refused")

    # -- what there is --------------------------------------------------------------------------

    def alive(self) -> list[str]:
        """Workers that have a lease, as the model says."""
        return sorted(self.model.live)

    def busy(self) -> list[str]:
        """Those of them that believe to run something."""
        return [name for name in self.alive() if self.held.get(name)]

    def some_held(self, data: Data, most: int) -> tuple[str, list[Job]]:
        """A worker and some of what it believes to run."""
        worker = data.draw(st.sampled_from(self.busy()))
        jobs = [self.held[worker][job_id] for job_id in sorted(self.held[worker])]
        return worker, jobs[: data.draw(st.integers(1, most))]

    def some_jobs(self, data: Data, *states: State) -> list[str]:
        """One to three ids, of jobs in these states or of any."""
        known = self.model.of(*states) or sorted(self.model.jobs)
        return data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))

    def has(self, job: Job, worker: str) -> bool:
        """Whether a run is the one that the server has in the worker's name."""
        known = self.model.jobs.get(job.id)
        return known is not None and known.worker == worker and self._at(known, job)

    def ends(self, job: Job) -> bool:
        """Whether an ack of a live worker ends the job: its entry is there, whoever has it by now."""
        known = self.model.jobs.get(job.id)
        return known is not None and known.state in (State.READY, State.RUNNING) and self._at(known, job)

    def _at(self, known: Known, job: Job) -> bool:
        return (known.place or self.seen.entries.get(job.id)) == (job.stream, job.entry)
