"""Run code in another Python process: one that stays, or one for a single program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Runs the lines of JSON that it is sent, and answers each with the output and the error. It needs
# the standard library only, so that an environment without kerasx can run it.
SERVER = """
import contextlib, io, json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
names = {"__name__": "__worker__"}
for line in sys.stdin:
    request = json.loads(line)
    names.update(request["values"])
    printed, error = io.StringIO(), None
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            exec(compile(request["code"], "<worker>", "exec"), names)
        except Exception as raised:
            error = type(raised).__name__ + ": " + str(raised)
    print(json.dumps([printed.getvalue().rstrip(), error]), file=answers, flush=True)
"""


class WorkerError(AssertionError):
    """Code that a worker ran has raised.

    Attributes:
        printed: what the code had printed before.
    """

    def __init__(self, message: str, printed: str = ""):
        super().__init__(message)
        self.printed = printed


class Worker:
    """A second Python process, which keeps its modules and variables between calls.

    Importing Keras takes seconds, so tests that need another process share one.

    Args:
        python: the interpreter; this process's own by default.
        environment: the environment variables; this process's own by default.

    Example:
    >>> from kerasx.testing import Worker
    >>> with Worker() as worker:
    ...     _ = worker.run("total = sum(numbers)", numbers=[1, 2])
    ...     print(worker.run("print(total + 1)"))
    4
    """

    def __init__(
        self,
        python: str | os.PathLike[str] = sys.executable,
        environment: Mapping[str, str] | None = None,
    ):
        self._process = subprocess.Popen(
            [os.fspath(python), "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )

    def run(self, code: str, /, **values: Any) -> str:
        """Run code, and return what it printed.

        Args:
            code: the statements.
            **values: variables for the code, which JSON can hold.

        Raises:
            WorkerError: the code has raised, or the process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"code": code, "values": values}) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise WorkerError(f"the process ended with status {self._process.wait()}")
        printed, error = json.loads(answer)
        if error is not None:
            raise WorkerError(error, printed)
        return printed

    def close(self) -> None:
        """End the process."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def run_python(
    *arguments: str | os.PathLike[str],
    cwd: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    python: str | os.PathLike[str] = sys.executable,
) -> subprocess.CompletedProcess[str]:
    """Run one Python program to its end.

    Args:
        *arguments: the command line after the interpreter, such as `"-m", "kerasx", "list"`.
        cwd: the directory to run it in.
        environment: the environment variables; this process's own by default.
        python: the interpreter.

    Returns:
        The finished process; its `stdout` has both the output and the errors.
    """
    return subprocess.run(
        [os.fspath(python), *(os.fspath(argument) for argument in arguments)],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def importable_from(*directories: str | Path) -> dict[str, str]:
    """Return this process's environment, so that another Python imports the same modules.

    Args:
        *directories: further directories, which are searched first.
    """
    path = os.pathsep.join([*map(str, directories), *filter(None, sys.path)])
    return {**os.environ, "PYTHONPATH": path}
