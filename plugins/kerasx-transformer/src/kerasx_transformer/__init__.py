"""Kernels, layers and generation for transformers in Keras 3: a plugin of kerasx."""

import kerasx  # noqa: F401  so that either import registers the plugin
from kerasx_transformer.cache import CacheScope, first_position
from kerasx_transformer.frequencies import (
    llama3_frequencies,
    rotary_frequencies,
    yarn_attention_factor,
    yarn_frequencies,
)
from kerasx_transformer.generation import generate

__all__ = [
    "CacheScope",
    "first_position",
    "generate",
    "llama3_frequencies",
    "rotary_frequencies",
    "yarn_attention_factor",
    "yarn_frequencies",
]


def __dir__() -> list[str]:
    return __all__
