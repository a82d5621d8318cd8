"""Settings for all tests: how many examples hypothesis draws (`make test PROFILE=thorough`)."""

import keras
from hypothesis import settings

# JAX compiles each operation of each new shape; the code under test is that of every backend.
EXAMPLES = 3 if keras.backend.backend() == "jax" else 10

# The first example of a shape compiles it, so a deadline per example would only measure that.
settings.register_profile("ci", max_examples=EXAMPLES, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile("ci")
