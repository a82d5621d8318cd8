"""The two tiers of tests: `--tier=fast`, the default, and `--tier=thorough`, which runs everything.

The fast tier leaves out tests marked `thorough` and is the same in every run. The thorough tier
draws more examples, and with `--resume=FILE` it continues where an earlier run stopped.
"""

from pathlib import Path

import pytest
from hypothesis import settings

# The first example of a shape compiles it, so a deadline per example would measure only that.
settings.register_profile("fast", max_examples=5, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=15, deadline=None, print_blob=True)


def pytest_addoption(parser):
    parser.addoption(
        "--tier",
        choices=["fast", "thorough"],
        default="fast",
        help="fast: leave out tests marked `thorough`; thorough: run all, with more examples",
    )
    parser.addoption(
        "--resume",
        type=Path,
        metavar="FILE",
        help="record the tests that pass in FILE, and leave out those that it names",
    )


def pytest_configure(config):
    settings.load_profile(config.getoption("tier"))
    record = config.getoption("resume")
    if record is not None:
        config.pluginmanager.register(Progress(record.absolute(), config))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if config.getoption("tier") == "fast":
        deselect(config, items, lambda item: item.get_closest_marker("thorough") is not None)


def deselect(config, items, unwanted):
    """Leave out the tests for which `unwanted` holds."""
    left_out = [item for item in items if unwanted(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not unwanted(item)]


class Progress:
    """The names of the tests that have passed, kept in a file for a later run."""

    def __init__(self, path, config):
        self.path = path
        self.is_worker = hasattr(config, "workerinput")  # of pytest-xdist: it reports to another
        self.passed = set(path.read_text("utf-8").splitlines()) if path.exists() else set()
        self.failed = set()

    def pytest_report_header(self):
        return f"resume: {len(self.passed)} tests passed before, according to {self.path}"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        deselect(config, items, lambda item: item.nodeid in self.passed)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid)
        if report.when == "teardown" and report.nodeid not in self.failed and not self.is_worker:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{report.nodeid}\n")
