"""Settings for all tests: how many examples hypothesis draws (`make test PROFILE=thorough`)."""

import keras
import pytest
from hypothesis import settings

# The code under test is that of every backend: most is drawn where nothing is compiled.
EXAMPLES = 3 if keras.backend.backend() in ("tensorflow", "jax") else 10

# The first example of a shape compiles it, so a deadline per example would only measure that.
settings.register_profile("ci", max_examples=EXAMPLES, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile("ci")


def pytest_addoption(parser):
    parser.addoption(
        "--every", type=int, default=1, help="run one of so many tests, and all marked `always`"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    every = config.getoption("every")
    drawn: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for place, item in enumerate(items):
        drawn[place % every == 0 or item.get_closest_marker("always") is not None].append(item)
    if drawn[False]:
        config.hook.pytest_deselected(items=drawn[False])
        items[:] = drawn[True]
