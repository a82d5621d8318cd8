"""Works, their sides, and the two tests of every file: what sides take in turn, and their memory.

A file of the suite is a docstring, a list `WORKS`, and

    from suite import test_memory as test_memory, test_time as test_time

The docstring is printed in front of the file's results: what is measured, where we lose, and why.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Size = tuple[int, ...]
OURS = "kerasx"  # how the names of our own sides begin
LIMIT = "limit: "  # and those of sides that do the least that there is to do
# Large tensors go back to the system at once: TensorFlow's pool, or glibc's, would hide a peak.
NO_POOL = {"TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1", "MALLOC_MMAP_THRESHOLD_": "131072"}
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


def test_memory(works, grown):
    grown(works)


def growths(file: str, works: Sequence[Work]) -> Iterator[tuple[Work, str, Size, int | str]]:
    """By how many MB a fresh process grows at most when a side first runs, of each at each size."""
    process = fresh_process()
    print(file, file=process.stdin, flush=True)
    found: dict[tuple[str, str, Size], int | str] = {}
    for line in itertools.takewhile(str.strip, process.stdout):
        title, name, size, megabytes = json.loads(line)
        found[title, name, tuple(size)] = megabytes
    for work in works:
        for name, size in itertools.product(work.memory, work.sizes):
            yield work, name, size, found.get((work.title, name, size), "its process ended")


@functools.cache
def fresh_process() -> subprocess.Popen:
    """What measures memory, of a file at a time; it ends with this process."""
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [sys.executable, "-c", "import suite; suite.print_growths()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path} | NO_POOL,
    )


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


def print_growths() -> None:
    """Print the growths of all sides of the files that are asked for, and an empty line after each.

    Each side runs in a copy of this process, which has run none.
    """
    at_once = os.cpu_count()
    for file in sys.stdin:
        works = importlib.import_module(file.strip()).WORKS
        gc.freeze()  # a copy need not look through what was imported
        sides = [(work, name) for work in works for name in work.memory]
        for place, (work, name) in enumerate(sides):
            if place >= at_once:
                os.wait()
            if not os.fork():
                try:
                    print_growths_of(work, name)
                finally:
                    os._exit(0)
        for _ in sides[:at_once]:
            os.wait()
        print(flush=True)


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
        line = json.dumps([work.title, name, size, found]) + "\n"
        print(line, end="", flush=True)  # at once: two processes print


def why_not(failure: Exception) -> str:
    """Why a side did not run, such as a package that is not there, in one line."""
    line = (str(failure).strip().splitlines() or [""])[0][:120]
    return line if isinstance(failure, Cannot) else f"{type(failure).__name__}: {line}"
