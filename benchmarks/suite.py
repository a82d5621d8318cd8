"""Works, their sides, and the two tests of every file: what sides take in turn, and their memory.

A file of the suite is a docstring, a list `WORKS`, and

    from suite import test_memory as test_memory, test_time as test_time

The docstring is printed in front of the file's results: what is measured, where we lose, and why.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Size = tuple[int, ...]
OURS = "kerasx"  # how the names of our own sides begin
LIMIT = "limit: "  # and those of sides that do the least that there is to do
TOO_LONG = 10  # seconds: a side that takes longer does not run at sizes that follow


class Cannot(Exception):
    """Why a side does not run at a size; the results say so."""


@dataclass
class Side:
    """One way to do a work: `run()` does it, waits for it, and returns what came out.

    `error` is how far that is from the values in float64; more than `tolerance` is wrong, and not
    timed. `before()` is not timed. A side of another process times itself: its `run()` returns the
    seconds of wall and CPU.
    """

    run: Callable[[], Any]
    error: Callable[[Any], float] | None = None
    tolerance: float = 1e-4
    before: Callable[[], Any] = lambda: None
    times_itself: bool = False

    def timed(self) -> tuple[tuple[float, float], Any]:
        """The seconds of wall and CPU that a run took, and what came out."""
        self.before()
        wall, cpu = time.perf_counter(), time.process_time()
        found = self.run()
        spent = time.perf_counter() - wall, time.process_time() - cpu
        return (found if self.times_itself else spent), found


@dataclass
class Work:
    """The same work on the same data, done by each side at each size; the first side is ours.

    A function of `sides` makes one for a size; it raises `Cannot` where that does not run. The
    first is compared with each of the others, and the others of `OURS` with the first: what is
    less is better. Memory is measured of the sides named in `memory`.
    """

    title: str
    axes: str
    sizes: Sequence[Size]
    sides: Mapping[str, Callable[[Size], Side]]
    memory: Sequence[str] = ()


def test_time(work, size, compare):
    compare(work, size)


def test_memory(work, grown):
    grown(work)


def growths(file: str, work: Work) -> dict[str, dict[Size, int | str]]:
    """By how many MB a fresh process grows at most when a side first runs, of each at each size."""
    program = "import sys, suite; suite.print_growths(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, file, work.title],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    found = {(name, tuple(size)): megabytes for name, size, megabytes in lines}
    why = (done.stderr.strip().splitlines() or [""])[-1] if done.returncode else "its process ended"
    return {
        name: {size: found.get((name, size), why[:200]) for size in work.sizes}
        for name in work.memory
    }


def growth(side: Side) -> int:
    """By how many MB this process grows at most when a side runs, on Linux."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what smaller sizes left behind is not there to be used again
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _megabytes("VmRSS")
    side.run()
    return _megabytes("VmHWM") - before


def _megabytes(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) // 1024


def print_growths(file: str, title: str) -> None:
    """Print the growths of all sides, of each in a copy of this process that has run none yet."""
    work = next(each for each in importlib.import_module(file).WORKS if each.title == title)
    running: list[int] = []
    for name in work.memory:
        if len(running) == os.cpu_count():
            os.waitpid(running.pop(0), 0)
        child = os.fork()
        if not child:
            try:
                print_growths_of(work, name)
            finally:
                os._exit(0)
        running.append(child)
    for child in running:
        os.waitpid(child, 0)


def print_growths_of(work: Work, name: str) -> None:
    """From the smallest size on."""
    found: int | str
    spent = 0.0
    for place, size in enumerate(work.sizes):
        try:
            if spent > TOO_LONG:
                raise Cannot(f"takes {spent:.0f} s at a smaller size")
            if not place:
                work.sides[name](size).run()  # what a first program costs
            side = work.sides[name](size)
            start = time.perf_counter()
            found = growth(side)
            spent = time.perf_counter() - start
            if spent > TOO_LONG and size != work.sizes[-1]:  # compiling may be what took so long
                (spent, _), _ = side.timed()
        except Exception as failure:
            found = why_not(failure)
        print(json.dumps([name, size, found]), flush=True)


def why_not(failure: Exception) -> str:
    """Why a side did not run, such as a package that is not there, in one line."""
    line = (str(failure).strip().splitlines() or [""])[0][:120]
    return line if isinstance(failure, Cannot) else f"{type(failure).__name__}: {line}"
