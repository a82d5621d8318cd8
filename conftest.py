"""Settings for all tests: how many examples hypothesis draws (`make test PROFILE=thorough`)."""

from hypothesis import settings

# The first example of a shape compiles it, so a deadline per example would only measure that.
settings.register_profile("ci", max_examples=30, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile("ci")
