"""What a worker tells of its running jobs: how far they are, and what they log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from taskq_core import config
from taskq_core.claimed import Job
from taskq_core.command import Arg, Command
from taskq_core.keys import QueueKeys
from taskq_core.notebook import News
from taskq_core.scripts import script

LOST = -1
OFF = -2
"""Replies of `report`: the lease is gone; the queue wants no notes."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a job says, and how long it is kept from now on, ms. Times in it are moved by ``offset_ms``."""

    job: Job
    news: News
    keep_ms: int
    offset_ms: int = 0


def report(keys: QueueKeys, worker: str, reports: Sequence[Report]) -> Command[int]:
    """Writes down what jobs say, those that are in the worker's hands. Reply: how many, `LOST` or `OFF`."""
    names = [*keys.streams, keys.leases, keys.meta, keys.tail_notes, keys.told_notes]
    args: list[Arg] = [worker, config.LOG_LINES, config.NOTES_BYTES]
    for each in reports:
        job, news = each.job, each.news
        names.append(keys.notes(job.id))
        args += (job.stream, job.entry, job.id, job.raw_task, news.run, job.attempt, each.keep_ms)
        args += (news.progress, news.note, news.at + each.offset_ms, len(news.rows))
        for row in news.rows:
            args += (row.number, row.at + each.offset_ms, row.text)
    return Command(script("report"), names, args, int)
