"""Explain that the backend that Keras is set to use is not installed."""

import importlib.util

BACKENDS = ("tensorflow", "jax", "torch")


def explain_missing_backend(error: ModuleNotFoundError) -> ModuleNotFoundError:
    """Return the error to raise when importing Keras fails: it says which backend to install."""
    missing = (error.name or "").partition(".")[0]
    installed = list(filter(importlib.util.find_spec, BACKENDS))
    if missing not in BACKENDS or missing in installed:
        return ModuleNotFoundError(str(error), name=error.name)
    message = (
        f"Keras is set to use {missing}, which is not installed. Install it: pip install {missing}"
    )
    for backend in installed:
        message += f"\nOr use {backend}, which is installed: KERAS_BACKEND={backend}"
    return ModuleNotFoundError(message, name=missing)
