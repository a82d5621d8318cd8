"""Losses for Keras 3: a plugin of kerasx."""

import kerasx  # noqa: F401  so that either import registers the plugin

__all__: list[str] = []


def __dir__() -> list[str]:
    return __all__
