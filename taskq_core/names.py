"""Names and job ids: what they may look like, and how they are written and read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from taskq_core.errors import InvalidName

QUEUE_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$"
TASK_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9._-]{0,127}$"
JOB_ID_PATTERN: Final = r"^[chnls][0-9]{1,15}-[0-9]{1,15}(@[a-z0-9][a-z0-9._-]{0,63})?$"
UNIQUE_PATTERN: Final = r"^[!-~]{1,200}$"
CONCURRENCY_PATTERN: Final = r"^[!#-\[\]-~]{1,200}$"
SCHEDULE_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
GROUP_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}$"

_queue = re.compile(QUEUE_PATTERN)
_task = re.compile(TASK_PATTERN)
_job_id = re.compile(JOB_ID_PATTERN)
_unique = re.compile(UNIQUE_PATTERN)
_concurrency = re.compile(CONCURRENCY_PATTERN)
_schedule = re.compile(SCHEDULE_PATTERN)
_group = re.compile(GROUP_PATTERN)


def check_queue(name: str) -> str:
    """The name itself. Raises: InvalidName."""
    return _checked(_queue, "queue name", name, QUEUE_PATTERN)


def check_namespace(name: str) -> str:
    """The name itself. Raises: InvalidName."""
    return _checked(_queue, "namespace", name, QUEUE_PATTERN)


def check_task(name: str) -> str:
    """The name itself. Raises: InvalidName."""
    return _checked(_task, "task name", name, TASK_PATTERN)


def check_tenant(name: str) -> str:
    """The name itself. Raises: InvalidName."""
    return _checked(_queue, "tenant", name, QUEUE_PATTERN)


def check_job_id(value: str) -> str:
    """The id itself. Raises: InvalidName."""
    return _checked(_job_id, "job id", value, JOB_ID_PATTERN)


def valid_queue(value: str) -> bool:
    """Whether a text may be a queue's name."""
    return _queue.fullmatch(value) is not None


def valid_tenant(value: str) -> bool:
    """Whether a text may be a tenant's name."""
    return _queue.fullmatch(value) is not None


def valid_job_id(value: str) -> bool:
    """Whether a text may be a job's id."""
    return _job_id.fullmatch(value) is not None


def check_schedule(name: str) -> str:
    """The name itself. Raises: InvalidName."""
    return _checked(_schedule, "schedule name", name, SCHEDULE_PATTERN)


def valid_schedule(value: str) -> bool:
    """Whether a text may be a schedule's name."""
    return _schedule.fullmatch(value) is not None


def check_group(name: str) -> str:
    """The id of a group itself. Raises: InvalidName."""
    return _checked(_group, "group", name, GROUP_PATTERN)


def valid_group(value: str) -> bool:
    """Whether a text may be the id of a group."""
    return _group.fullmatch(value) is not None


def check_unique(value: str) -> str:
    """The uniqueness key itself: 1 to 200 printable ASCII characters. Raises: InvalidName."""
    return _checked(_unique, "unique key", value, UNIQUE_PATTERN)


def check_concurrency(value: str) -> str:
    """The concurrency key itself: a unique key without double quotes and backslashes. Raises: InvalidName."""
    return _checked(_concurrency, "concurrency key", value, CONCURRENCY_PATTERN)


def _checked(pattern: re.Pattern[str], kind: str, value: str, shown: str) -> str:
    # `$` matches before a trailing newline; fullmatch does not
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidName(kind, str(value), shown)
    return value


@dataclass(frozen=True, slots=True, order=True)
class JobRef:
    """A job's full reference: ``queue/id``, as every command prints and takes it."""

    queue: str
    id: str

    def __str__(self) -> str:
        return f"{self.queue}/{self.id}"

    @property
    def tenant(self) -> str | None:
        """Whose job it is, where the queue has tenants."""
        return self.id.partition("@")[2] or None

    @classmethod
    def parse(cls, text: str, queue: str | None = None) -> JobRef:
        """Reads ``queue/id``, or a bare id when ``queue`` says which one. Raises: InvalidName."""
        head, slash, tail = text.strip().rpartition("/")
        if not slash:
            if queue is None:
                raise InvalidName("job reference", text, "QUEUE/ID, e.g. emails/n1763951707123-0")
            head = queue
        return cls(check_queue(head), check_job_id(tail))
