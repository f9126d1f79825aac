"""Finding the queues of an application: ``module:attribute``, as whoever starts a worker names it."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from taskq_core.errors import UsageError
from taskq_core.names import check_task
from taskq_core.programs import program
from taskq_core.queue import TaskQueue
from taskq_core.task import Handler, Policy


def load_queues(
    apps: Sequence[str],
    only: Sequence[str] = (),
    programs: Sequence[tuple[str, Sequence[str]]] = (),
) -> list[TaskQueue]:
    """The queues that the apps name, those in ``only`` if any. Raises: UsageError, InvalidName.

    An app is ``module`` (all queues in it), or ``module:name`` of a queue or a list of them; a path
    such as ``app/jobs.py`` works too. Queues of the same name are one: their tasks, schedules and limits are
    put together; where two say different limits, the first counts. ``programs``: tasks that each of these
    queues serves besides, and the words of the command that runs one. With programs and no app the queues
    are those named in ``only``.
    """
    found: dict[str, TaskQueue] = {}
    for app in apps:
        for queue in _queues_in(app):
            _merge(found, queue)
    if not apps:
        found = {name: TaskQueue(name) for name in only}
    missing = [name for name in only if name not in found]
    if missing:
        raise UsageError(
            f"no queue {missing[0]!r} in {', '.join(apps)}", hint=f"It has: {', '.join(found) or 'none'}"
        )
    handlers = _handlers(programs)
    return [queue.serving(handlers) for name, queue in found.items() if not only or name in only]


def _merge(found: dict[str, TaskQueue], queue: TaskQueue) -> None:
    known = found.setdefault(queue.name, queue)
    if known is not queue:
        both = copy.copy(known.serving(queue.handlers))
        both.settings = queue.settings | known.settings
        both.schedules = queue.schedules | known.schedules
        found[queue.name] = both


def _handlers(programs: Sequence[tuple[str, Sequence[str]]]) -> Mapping[str, Handler]:
    handlers: dict[str, Handler] = {}
    for task, argv in programs:
        if task in handlers:
            raise UsageError(f"task {task!r} has two programs", hint="A task is run by one of them")
        handlers[task] = Handler(check_task(task), program(argv), Policy(), typed=False)
    return handlers


def _queues_in(app: str) -> list[TaskQueue]:
    module_name, _, attribute = app.partition(":")
    if not module_name.strip(".") or module_name.startswith("."):
        raise UsageError(f"{app!r} names no module", hint="An app is MODULE:QUEUE or FILE.py")
    module = _import(module_name)
    if attribute:
        if not hasattr(module, attribute):
            raise UsageError(
                f"{module_name!r} has no {attribute!r}", hint=_offer(module_name, vars(module).items())
            )
        value = getattr(module, attribute)
        queues = (
            [value]
            if isinstance(value, TaskQueue)
            else list(value)
            if isinstance(value, (list, tuple))
            else []
        )
    else:
        queues = [value for value in vars(module).values() if isinstance(value, TaskQueue)]
    if not queues or not all(isinstance(queue, TaskQueue) for queue in queues):
        raise UsageError(f"{app!r} names no TaskQueue", hint=_offer(module_name, vars(module).items()))
    return queues


def _import(name: str) -> object:
    path = Path(name)
    if path.suffix == ".py" and path.is_file():
        folder, name = str(path.resolve().parent), path.stem
    else:
        folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        raise UsageError(
            f"no module {name!r}", hint="Name the app as MODULE:QUEUE or FILE.py, from the folder it is in"
        ) from error


def _offer(module: str, names: Iterable[tuple[str, object]]) -> str:
    queues = [f"{module}:{name}" for name, value in names if isinstance(value, TaskQueue)]
    return f"There is: {', '.join(queues)}" if queues else "Make one: queue = TaskQueue('emails')"
