"""`python -m tests.mutants`: breaks one spot of a Lua script after the other and asks the tests.

`--sample 60 --seed 1` takes so many of them; `--only claim` those of one file. It prints those that no test
noticed, and the share of those that one did. Exit code 1 when a survivor is not in `equivalent.py`.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.killers import killers
from tests.mutants.making import Mutant, all_mutants
from tests.processes import ROOT
from tests.servers import Server

COPIED = ("taskq_core", "tests", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Patience:
    """How many rounds of tests are asked, and after how long they hang, which is noticed too."""

    most_s: float = 90.0
    rounds: int = 3


def main() -> None:
    """Runs what was asked for."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--sample", type=int, default=0, help="how many; all without")
    flags.add_argument("--seed", type=int, default=1)
    flags.add_argument("--only", default="", help="names of scripts and parts, with commas")
    flags.add_argument("--jobs", type=int, default=2)
    flags.add_argument("--minutes", type=float, default=0, help="start no further one after this time")
    flags.add_argument("--hang", type=float, default=90, help="seconds after which tests of a round hang")
    flags.add_argument("--rounds", type=int, default=3, help="1: only the tests that most likely notice it")
    flags.add_argument("--list", action="store_true", help="only print them")
    given = flags.parse_args()
    chosen = choose(given.only, given.sample, given.seed)
    if given.list:
        print("\n".join(f"{mutant.kind:9} {mutant.name}" for mutant in chosen))
        return
    patience = Patience(given.hang, given.rounds)
    check_sound(chosen, patience)
    fates = try_all(chosen, given.jobs, given.minutes * 60, patience)
    sys.exit(report(fates))


def choose(only: str, sample: int, seed: int) -> list[Mutant]:
    """The mutants that are asked for and that a server takes for Lua."""
    folder, names = ROOT / "taskq_core" / "lua", set(filter(None, only.split(",")))
    found = [mutant for mutant in all_mutants(folder) if not names or Path(mutant.file).stem in names]
    random.Random(seed).shuffle(found)
    server = Server("valkey").start()
    try:
        sound = [mutant for mutant in found[: 2 * sample or None] if _compiles(server, folder, mutant)]
    finally:
        server.remove()
    return sound[: sample or None]


def _compiles(server: Server, folder: Path, mutant: Mutant) -> bool:
    try:
        server.raw.script_load(mutant.text((folder / mutant.file).read_text()))
    except redis.ResponseError:
        return False
    return True


def check_sound(mutants: Sequence[Mutant], patience: Patience) -> None:
    """Ends the program where a test fails without any mutant: it would seem to notice each of them."""
    files = sorted({file for mutant in mutants for file in killers(mutant.file, ROOT / "tests")[0]})
    with tempfile.TemporaryDirectory(prefix="taskq-mutants-") as folder:
        if failed := ask(files, _copy(Path(folder)), patience.most_s * len(files)):
            sys.exit(f"{failed} fails with sound scripts")


Fate = tuple[Mutant, str]
"""A mutant, and the test that noticed it: nothing when it lives."""


def try_all(mutants: Sequence[Mutant], jobs: int, most_s: float, patience: Patience) -> list[Fate]:
    """Each mutant in a copy of the tree, some at a time."""
    waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
    for mutant in mutants:
        waiting.put(mutant)
    end, fates = time.monotonic() + most_s, list[Fate]()

    def work() -> None:
        with tempfile.TemporaryDirectory(prefix="taskq-mutants-") as folder:
            tree = _copy(Path(folder))
            while not most_s or time.monotonic() < end:
                try:
                    mutant = waiting.get_nowait()
                except queue.Empty:
                    return
                fates.append((mutant, try_one(mutant, tree, patience)))
                killer = fates[-1][1] or "LIVES"
                print(f"{len(fates)}/{len(mutants)} {killer:60.60} {mutant.name}", flush=True)

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return fates


def _copy(folder: Path) -> Path:
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    return folder


def try_one(mutant: Mutant, tree: Path, patience: Patience) -> str:
    """The first test that fails with it."""
    path = tree / "taskq_core" / "lua" / mutant.file
    sound = path.read_text()
    path.write_text(mutant.text(sound))
    try:
        rounds = killers(mutant.file, tree / "tests")[: patience.rounds]
        return next(filter(None, (ask(files, tree, patience.most_s) for files in rounds)), "")
    finally:
        path.write_text(sound)


def ask(files: Sequence[str], tree: Path, most_s: float) -> str:
    """The first test of these files that fails in a tree."""
    words = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:randomly"]
    words += ["-p", "no:cacheprovider", "-k", "not resp3", *files]
    env = {**os.environ, "PYTHONPATH": str(tree), "TASKQ_TEST_SERVERS": "valkey"}
    try:
        done = subprocess.run(words, cwd=tree, env=env, capture_output=True, text=True, timeout=most_s)
    except subprocess.TimeoutExpired:
        return "(it hangs)"
    if done.returncode == 0:
        return ""
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0].split(" - ")[0].partition(" ")[2].removeprefix("tests/") if failed else "(no test ran)"


def report(fates: Sequence[Fate]) -> int:
    """Prints who lives and what share was killed. How many survivors nobody has explained."""
    living = [mutant for mutant, killer in fates if not killer]
    unexplained = [mutant for mutant in living if mutant.name not in EQUIVALENT]
    for mutant in living:
        print(f"lives: {mutant.name}\n       {EQUIVALENT.get(mutant.name, 'NOT EXPLAINED')}")
    kinds = Counter(mutant.kind for mutant, _ in fates)
    dead = Counter(mutant.kind for mutant, killer in fates if killer)
    print(", ".join(f"{kind} {dead[kind]}/{n}" for kind, n in sorted(kinds.items())))
    counted, killed = len(fates) - (len(living) - len(unexplained)), len(fates) - len(living)
    print(f"killed {killed} of {counted}, {killed / max(1, counted):.1%}; {len(fates) - counted} equivalent")
    return 1 if unexplained else 0


if __name__ == "__main__":
    main()
