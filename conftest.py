"""Settings for all tests: how many examples hypothesis draws (`make test PROFILE=thorough`)."""

import keras
from hypothesis import settings

# The code under test is that of every backend: most is drawn where nothing is compiled. JAX
# compiles each operation of each new shape.
EXAMPLES = {"tensorflow": 5, "jax": 3, "torch": 10}[keras.backend.backend()]

# The first example of a shape compiles it, so a deadline per example would only measure that.
settings.register_profile("ci", max_examples=EXAMPLES, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile("ci")
