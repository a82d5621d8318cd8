"""Show progress: one line in a terminal; in a log, one line for each row."""

import shutil
import time

import keras
import pytest

WIDTH = 20
KEY = f"kerasx/seconds of rows on {keras.backend.backend()}"


class Progress:
    """Replaces pytest's own progress; estimates the time left from the last run."""

    def __init__(self, config):
        self.reporter = config.pluginmanager.get_plugin("terminalreporter")
        self.cache = getattr(config, "cache", None)
        self.seconds = self.cache.get(KEY, {}) if self.cache else {}
        self.left, self.done, self.outcome = [], 0, ""
        self.start = self.row_start = time.time()

    def pytest_collection_finish(self, session):
        self.left = [item.nodeid for item in session.items]
        self.start = time.time()

    def pytest_runtest_logstart(self, nodeid):
        self.outcome, self.row_start = "", time.time()
        if self.reporter.isatty:
            columns = shutil.get_terminal_size().columns - 1
            self.reporter.rewrite(f"{self.bar()} {title(nodeid)}"[:columns], erase=True)

    def pytest_runtest_logreport(self, report):
        if report.outcome != "passed":
            self.outcome = f" {report.outcome}"

    def pytest_runtest_logfinish(self, nodeid):
        spent = self.seconds[nodeid] = round(time.time() - self.row_start, 1)
        self.left.remove(nodeid)
        self.done += 1
        if self.outcome and self.reporter.isatty:
            self.reporter.rewrite(f"{title(nodeid)}{self.outcome}", erase=True)
            self.reporter.write("\n")
        if not self.reporter.isatty:
            line = f"{self.bar()} {title(nodeid)}, {spent:.1f} s{self.outcome}"
            self.reporter.write_line(line)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report):
        category = report.outcome
        if report.when != "call":  # pytest's own categories
            category = {"passed": "", "failed": "error"}.get(category, category)
        return category, "", ""  # no letter per test

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self):
        if self.cache:
            self.cache.set(KEY, self.seconds)
        if self.reporter.isatty:
            self.reporter.rewrite("", erase=True)

    def bar(self) -> str:
        total, elapsed = self.done + len(self.left), time.time() - self.start
        filled = WIDTH * self.done // max(1, total)
        rest = "?"
        if self.done or self.left[0] in self.seconds:
            usual = elapsed / max(1, self.done)
            rest = clock(sum(self.seconds.get(nodeid, usual) for nodeid in self.left))
        hashes = "#" * filled + "-" * (WIDTH - filled)
        return f"[{hashes}] {self.done}/{total}, {clock(elapsed)} gone, {rest} left:"


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def title(nodeid: str) -> str:
    """Return the workload and size of a row."""
    test, _, parameters = nodeid.rpartition("::")[2].removesuffix("]").partition("[")
    names = {"test_time": parameters, "test_memory": f"{parameters}, memory"}
    return names.get(test, " ".join(filter(None, [test.removeprefix("test_"), parameters])))
