"""Number of inputs that hypothesis draws; more with `--hypothesis-profile=thorough`."""

from hypothesis import settings

settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile("quick")
