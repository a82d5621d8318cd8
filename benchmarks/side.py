"""One side of a pair, and how much memory one takes that has a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Side:
    """The work `run()`, the `value()` it comes to, and what goes `before()` it and is not timed.

    A side that runs in another process has `measured()` instead, which runs it there and gives the
    seconds of wall and CPU.
    """

    name: str
    run: Callable[[], Any]
    value: Callable[[], Any] = lambda: None
    before: Callable[[], Any] = lambda: None
    tolerance: float = 1e-6  # of the value
    measured: Callable[[], tuple[float, float]] | None = None


def growth(side: Side) -> int:
    """By how many MB this process grows at most while it compiles and runs a side."""
    before = _megabytes("VmRSS")
    side.run()
    side.run()
    return _megabytes("VmHWM") - before


def printed_by(file: str, *words: object) -> int:
    """The number that a script prints last, in a process of its own."""
    command = [sys.executable, file, *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def _megabytes(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) // 1024
