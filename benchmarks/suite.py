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


def growths(file: str, work: Work, name: str) -> dict[Size, int | str]:
    """By how many MB a fresh process grows at most when a side first runs, at each size."""
    program = "import sys, suite; suite.print_growths(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, file, work.title, name],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    found = {tuple(size): megabytes for size, megabytes in map(json.loads, lines)}
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:200]
        return {size: found.get(size, why) for size in work.sizes}
    return found


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


def print_growths(file: str, title: str, name: str) -> None:
    """Print the growth at each size, from the smallest on."""
    works = importlib.import_module(file).WORKS
    work = next(work for work in works if work.title == title)
    work.sides[name](work.sizes[0]).run()  # what a first program costs
    found: int | str
    spent = 0.0
    for size in work.sizes:
        try:
            if spent > TOO_LONG:
                raise Cannot(f"takes {spent:.0f} s at a smaller size")
            side = work.sides[name](size)
            start = time.perf_counter()
            found = growth(side)
            spent = time.perf_counter() - start
        except Cannot as reason:
            found = str(reason)
        print(json.dumps([size, found]), flush=True)
