"""Layers, losses, metrics and kernels for Keras 3."""

import kerasx  # noqa: F401  (registers what this package contributes)
