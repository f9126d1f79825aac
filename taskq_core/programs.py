"""Any executable as a handler: the payload on its stdin, what it prints as the result.

    queue.process("resize")(program(["./resize.sh"]))

Which program runs is chosen by whoever starts the worker. Nothing of a job reaches an argument or a
shell: the payload goes to stdin, and what names the job is in ``TASKQ_*`` variables.

A program leads a process group of its own, and the group ends with it: whatever it leaves in the
background is killed, so no attempt outlives its report. Only a worker that is itself killed leaves its
programs behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache
from typing import IO, Any, Final, cast

import msgspec

from taskq_core import config
from taskq_core.claimed import Job
from taskq_core.errors import Discard, InvalidOption, UsageError
from taskq_core.program_notes import NotesPipe

BURY_CODES: Final = (65, 78)
"""EX_DATAERR and EX_CONFIG of sysexits.h: another attempt would end the same way."""
TERM_S: Final = 0.5
"""From SIGTERM to SIGKILL. A slot waits 1 s for a handler that was cancelled, so this is shorter."""
KILL_S: Final = 0.3
"""How long the end is waited for after SIGKILL; a process that hangs in the kernel may take longer."""
DRAIN_S: Final = 2.0
"""How long output is read after the end: a pipe may be held open by a process that left the group."""
LOOK_S: Final = 0.01
"""How often a process is looked at where the system does not tell of its end."""
CHUNK_BYTES: Final = 64 * 1024
MAX_OUTPUT: Final = config.MAX_RESULT_BYTES + 1
"""The largest result, and the line break that is cut off."""
MESSAGE_LINES: Final = 10
MESSAGE_BYTES: Final = 2_000

_running: set[_Run] = set()


class CannotStart(Exception):
    """The program could not be started: it is gone, may not be executed, or the system has no room for it."""


class ProgramFailed(Exception):
    """A program ended with another code than 0, or by a signal.

    ``str()`` is the last lines of its stderr, ``output`` up to 8 KB of it. Its subclasses are named for
    how it ended, ``ExitCode3`` or ``Signal9``: failures are told apart by that name.
    """

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class _Buried(ProgramFailed, Discard):
    """A program that said with its exit code that no other attempt will help."""


def program(argv: Sequence[str]) -> Callable[[Job], Coroutine[Any, Any, object]]:
    """A handler that runs a program, for `TaskQueue.process`.

    Exit code 0: done, and what it printed is the result when the job keeps one: JSON if it can be read as
    JSON, else text without its last line break; at most 1 MiB. 65 and 78: buried at once. Any other code,
    or a signal: failed, with the end of stderr as its error. A time-out or a cancellation sends SIGTERM to
    the whole process group, and SIGKILL half a second later.

    The environment is the worker's own, with ``TASKQ_JOB_ID`` (``queue/id``), ``TASKQ_ATTEMPT`` (from 1),
    ``TASKQ_QUEUE``, ``TASKQ_TASK`` and ``TASKQ_NAMESPACE``, and ``TASKQ_NOTES``: a file into which it may
    write lines for the job's log, and ``progress 40% words`` for its progress. ``TASKQ_REDIS_URL`` stays in
    it where the worker has it, so that a program may enqueue jobs.

    Raises: UsageError when there is no such program now.
    """
    words = tuple(argv)
    check_program(words)

    async def run_program(job: Job) -> object:
        return await _run(words, job)

    return run_program


def check_program(argv: Sequence[str]) -> None:
    """Raises: UsageError when there is nothing to start under that name."""
    if not argv or not argv[0]:
        raise UsageError("no program is named", hint="For example resize=./resize.sh")
    if any("\0" in word for word in argv):
        raise UsageError("an argument holds a NUL byte")
    if shutil.which(argv[0]) is not None:
        return
    name = argv[0]
    if os.sep in name and os.path.exists(name):  # noqa: PTH110 - a name as the system takes it
        raise UsageError(f"{name!r} may not be executed", hint=f"chmod +x {name}")
    raise UsageError(f"no program {name!r}", hint="Give a path such as ./resize.sh, or a name in PATH")


def kill_programs() -> None:
    """SIGKILL to all that run, with their groups: for a worker that ends at once."""
    for run in list(_running):
        run.signal(signal.SIGKILL)


async def _run(argv: tuple[str, ...], job: Job) -> object:
    run = _start(argv, job)
    try:
        await asyncio.shield(run.ended)
        run.signal(signal.SIGKILL)  # what it left in its group
        await run.rest()
        return run.outcome()
    except asyncio.CancelledError:
        await run.end()
        raise
    finally:
        run.close()


def _start(argv: tuple[str, ...], job: Job) -> _Run:
    try:
        notes = NotesPipe(job)
    except OSError as error:
        raise CannotStart(f"{argv[0]}: {error.strerror or error}") from None
    # not the subprocesses of the event loop: uvloop's cost six times as much, for it forks
    try:
        process = subprocess.Popen(  # noqa: S603 - words of whoever started the worker
            argv, env=_environment(job, notes.path), start_new_session=True, bufsize=0,
            pass_fds=(notes.inherited,),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        notes.abandon()
        raise CannotStart(f"{argv[0]}: {error.strerror or error}") from None
    # a shell's `read` wants the line break
    return _Run(process, job.raw + b"\n", notes, keeps=bool(job.meta.keep))


class _Run:
    """One run of a program: takes its output as it comes, and holds no more than is kept.

    ``ended`` is set while the process is not yet waited for, so that its group's number is its own.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], payload: bytes, notes: NotesPipe, *, keeps: bool
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._silent: asyncio.Future[None] = self._loop.create_future()
        self._process = process
        self._notes = notes
        self._payload = memoryview(payload)
        self._keeps = keeps
        self._out = bytearray()
        self._out_size = 0
        self._err = bytearray()
        self._pidfd: int | None = None
        _running.add(self)
        notes.listen(self._loop)
        self._watch_output()
        self._watch_end()
        self._feed()

    # -- its pipes --------------------------------------------------------------------------

    @property
    def _outputs(self) -> Sequence[IO[bytes]]:
        assert self._process.stdout is not None  # noqa: S101 - all three are pipes
        assert self._process.stderr is not None  # noqa: S101
        return self._process.stdout, self._process.stderr

    def _watch_output(self) -> None:
        for pipe, take in zip(self._outputs, (self._take_out, self._take_err), strict=True):
            os.set_blocking(pipe.fileno(), False)
            self._loop.add_reader(pipe.fileno(), self._read, pipe, take)

    def _read(self, pipe: IO[bytes], take: Callable[[bytes], None]) -> None:
        try:
            data = os.read(pipe.fileno(), CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            take(data)
            return
        self._shut(pipe)
        if all(each.closed for each in self._outputs) and not self._silent.done():
            self._silent.set_result(None)

    def _take_out(self, data: bytes) -> None:
        # what nobody wants is dropped, so that the program never has to wait
        self._out_size += len(data)
        if self._keeps and self._out_size <= MAX_OUTPUT:
            self._out += data

    def _take_err(self, data: bytes) -> None:
        self._err += data
        if len(self._err) > 2 * config.MAX_ERROR_BYTES:
            del self._err[: -config.MAX_ERROR_BYTES]

    def _feed(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - a pipe
        os.set_blocking(stdin.fileno(), False)
        if not self._feed_more(stdin):
            self._loop.add_writer(stdin.fileno(), self._feed_more, stdin)

    def _feed_more(self, stdin: IO[bytes]) -> bool:
        """Writes what the pipe takes. True when that was all, or nobody reads: a program need not."""
        try:
            self._payload = self._payload[os.write(stdin.fileno(), self._payload) :]
        except BlockingIOError:
            return False
        except OSError:
            self._payload = self._payload[:0]
        if self._payload:
            return False
        self._loop.remove_writer(stdin.fileno())
        stdin.close()
        return True

    def _shut(self, pipe: IO[bytes]) -> None:
        if not pipe.closed:
            self._loop.remove_reader(pipe.fileno())
            pipe.close()

    # -- its end ----------------------------------------------------------------------------

    def _watch_end(self) -> None:
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
        except (AttributeError, OSError):  # not Linux, or forbidden there
            self._look()
        else:
            self._loop.add_reader(self._pidfd, self._note_end)

    def _look(self) -> None:
        if self._process.poll() is not None:
            self._note_end()
        elif not self.ended.done():
            self._loop.call_later(LOOK_S, self._look)

    def _note_end(self) -> None:
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        if not self.ended.done():
            self.ended.set_result(None)

    def signal(self, number: signal.Signals) -> None:
        """A signal to all of its group that is left."""
        # macOS refuses with EPERM where only zombies are left
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def end(self) -> None:
        """SIGTERM, half a second for the group to end, SIGKILL. A second cancellation kills at once."""
        try:
            self.signal(signal.SIGTERM)
            await asyncio.wait((self.ended, self._silent), timeout=TERM_S, return_when=asyncio.ALL_COMPLETED)
        finally:
            self.signal(signal.SIGKILL)
        await asyncio.wait((self.ended,), timeout=KILL_S)

    async def rest(self) -> None:
        """Returns when all output was read, or after a while."""
        await asyncio.wait((self._silent,), timeout=DRAIN_S)

    def close(self) -> None:
        """Kills what still runs, and lets go of all that belongs to it."""
        _running.discard(self)
        if not self.ended.done():
            self.signal(signal.SIGKILL)
        self._note_end()
        self._notes.close()
        self._collect()
        for pipe in self._outputs:
            self._shut(pipe)
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            self._loop.remove_writer(stdin.fileno())
            stdin.close()

    def _collect(self) -> None:
        """Waits for the process in the background, so that no zombie stays."""
        if self._process.poll() is None:
            self._loop.call_later(LOOK_S, self._collect)

    # -- what came of it --------------------------------------------------------------------

    def outcome(self) -> object:
        """The result. Raises: ProgramFailed, InvalidOption for a result over the limit."""
        code = self._process.wait()  # it has ended
        if code:
            raise _failure(code, bytes(self._err[-config.MAX_ERROR_BYTES :]))
        if not self._keeps:
            return None
        if self._out_size > MAX_OUTPUT:
            raise InvalidOption(
                f"an output of {self._out_size} bytes is more than the {config.MAX_RESULT_BYTES} of a result"
            )
        return _result(bytes(self._out))


def _environment(job: Job, notes: str) -> Mapping[str, str]:
    own = {
        "TASKQ_NOTES": notes,
        "TASKQ_JOB_ID": str(job.ref),
        "TASKQ_ATTEMPT": str(job.attempt),
        "TASKQ_QUEUE": job.queue,
        "TASKQ_TASK": job.task,
    }
    if job.home is not None:  # None: run by hand, in a test
        own["TASKQ_NAMESPACE"] = job.home.keys.namespace
    return {**os.environ, **own}


def _result(printed: bytes) -> object:
    """What was printed as JSON, or else as text. Nothing printed is no result."""
    text = printed.decode(errors="replace").removesuffix("\n")
    if not text:
        return None
    try:
        return cast(object, msgspec.json.decode(text))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return text


def _failure(code: int, stderr: bytes) -> ProgramFailed:
    """The error of an exit code, or of a signal: those are negative."""
    output = stderr.decode(errors="replace").strip()
    how = _signal_name(-code) if code < 0 else f"exit code {code}"
    if not output:
        return _kind(code)(f"ended by {how}; nothing on stderr")
    message = _last_lines(output)
    return _kind(code)(message, output if output != message else "")


@cache
def _kind(code: int) -> type[ProgramFailed]:
    base = _Buried if code in BURY_CODES else ProgramFailed
    return type(f"Signal{-code}" if code < 0 else f"ExitCode{code}", (base,), {})


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _last_lines(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-MESSAGE_LINES:])[-MESSAGE_BYTES:]
