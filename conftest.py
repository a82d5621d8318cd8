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
    parser.addoption("--every", type=int, default=1, help="run one of so many tests (default: all)")
    parser.addoption("--of", default="", help="of tests with this in their name; run all others")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    sampled = [item for item in items if config.getoption("of") in item.nodeid]
    every = config.getoption("every")
    left_out = {item for place, item in enumerate(sampled) if place % every}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
