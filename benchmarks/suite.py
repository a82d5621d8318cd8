"""Workloads and contenders: what a benchmark file declares, and how peak memory is measured.

A benchmark file consists of a docstring, a list `WORKLOADS`, and

    from suite import test_memory as test_memory, test_time as test_time

The docstring is printed in front of the file's results: what is measured, where kerasx loses, and
why.
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
OURS = "kerasx"  # names of our own contenders start with this
LIMIT = "limit: "  # names of contenders that do only the minimum of work start with this
# Return large tensors to the system at once: TensorFlow's and glibc's pools would hide a peak.
NO_POOL = {"TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1", "MALLOC_MMAP_THRESHOLD_": "131072"}
TOO_LONG = 10  # seconds: a contender that takes longer is skipped at the sizes that follow


class CannotRun(Exception):
    """A contender does not run at a size; the message is shown in the results."""


@dataclass
class Contender:
    """One implementation of a workload.

    `run()` does the work, waits for it and returns the output. `error` maps the output to its
    distance from the float64 reference; a contender whose error exceeds `tolerance` is wrong and is
    not timed. `before()` runs first and is not timed. A contender that lives in another process
    sets `times_itself`: its `run()` returns the seconds of wall-clock and CPU time.
    """

    run: Callable[[], Any]
    error: Callable[[Any], float] | None = None
    tolerance: float = 1e-4
    before: Callable[[], Any] = lambda: None
    times_itself: bool = False

    def timed(self) -> tuple[tuple[float, float], Any]:
        """Run once. Return the seconds of wall-clock and CPU time, and the output."""
        self.before()
        wall, cpu = time.perf_counter(), time.process_time()
        output = self.run()
        seconds = time.perf_counter() - wall, time.process_time() - cpu
        return (output if self.times_itself else seconds), output


@dataclass
class Workload:
    """The same work on the same data, done by every contender at every size.

    `contenders` maps names to functions that make a contender for a size, or raise `CannotRun`. The
    first one is ours. It is compared with each of the others, except that further contenders of our
    own are compared with the first. Peak memory is measured for the names in `memory`.
    """

    title: str
    axes: str
    sizes: Sequence[Size]
    contenders: Mapping[str, Callable[[Size], Contender]]
    memory: Sequence[str] = ()


def test_time(workload, size, compare):
    compare(workload, size)


def test_memory(workloads, peak_memory):
    peak_memory(workloads)


def memory_growths(
    file: str, workloads: Sequence[Workload]
) -> Iterator[tuple[Workload, str, Size, int | str]]:
    """Yield the peak growth in MB of a fresh process for each contender at each size.

    Where a contender does not run, the reason takes the place of the number.
    """
    process = fresh_process()
    print(file, file=process.stdin, flush=True)
    growths: dict[tuple[str, str, Size], int | str] = {}
    for line in itertools.takewhile(str.strip, process.stdout):
        title, name, size, megabytes = json.loads(line)
        growths[title, name, tuple(size)] = megabytes
    for workload in workloads:
        for name, size in itertools.product(workload.memory, workload.sizes):
            growth = growths.get((workload.title, name, size), "its process ended")
            yield workload, name, size, growth


@functools.cache
def fresh_process() -> subprocess.Popen:
    """Start the process that measures memory, one file at a time; it ends with this one."""
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [sys.executable, "-c", "import suite; suite.print_growths()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path} | NO_POOL,
    )


def memory_growth(contender: Contender) -> int:
    """Return by how many MB this process grows at its peak while a contender runs, on Linux."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # smaller sizes must not leave memory that could be reused
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = _megabytes("VmRSS")
    contender.run()
    return _megabytes("VmHWM") - before


def _megabytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) // 1024


def print_growths() -> None:
    """Read names of files, print the growths of their contenders, then an empty line.

    Each contender runs in a copy of this process, which has run none.
    """
    limit = os.cpu_count()
    for file in sys.stdin:
        workloads = importlib.import_module(file.strip()).WORKLOADS
        gc.freeze()  # a copy need not scan the imported modules
        pairs = [(workload, name) for workload in workloads for name in workload.memory]
        for index, (workload, name) in enumerate(pairs):
            if index >= limit:
                os.wait()
            if not os.fork():
                try:
                    print_growths_of(workload, name)
                finally:
                    os._exit(0)
        for _ in pairs[:limit]:
            os.wait()
        print(flush=True)


def print_growths_of(workload: Workload, name: str) -> None:
    """Print the growth of one contender at each size, smallest first."""
    growth: int | str
    seconds = 0.0
    for index, size in enumerate(workload.sizes):
        try:
            if seconds > TOO_LONG:
                raise CannotRun(f"takes {seconds:.0f} s at a smaller size")
            if index == 0:
                workload.contenders[name](size).run()  # the one-off cost of a first program
            contender = workload.contenders[name](size)
            start = time.perf_counter()
            growth = memory_growth(contender)
            seconds = time.perf_counter() - start
            if seconds > TOO_LONG and size != workload.sizes[-1]:  # perhaps it was compilation
                (seconds, _), _ = contender.timed()
        except Exception as failure:
            growth = reason_of(failure)
        line = json.dumps([workload.title, name, size, growth]) + "\n"
        print(line, end="", flush=True)  # one write per line, because several processes print


def reason_of(failure: Exception) -> str:
    """Say in one line why a contender did not run, for example a missing package."""
    line = (str(failure).strip().splitlines() or [""])[0][:120]
    return line if isinstance(failure, CannotRun) else f"{type(failure).__name__}: {line}"
