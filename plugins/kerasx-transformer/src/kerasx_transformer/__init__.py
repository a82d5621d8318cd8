"""Kernels, layers and generation for transformers in Keras 3: a plugin of kerasx."""

import kerasx  # noqa: F401  so that either import registers the plugin
