"""The exceptions and warnings of kerasx."""

import importlib.util

BACKENDS = ("tensorflow", "jax", "torch")


class PluginError(Exception):
    """A plugin breaks the contract; the message says how."""


class PluginWarning(RuntimeWarning):
    """A plugin could not be loaded and was skipped."""


class UnknownNameError(AttributeError, LookupError):
    """No plugin contributes the name; the message says what comes closest."""


class AmbiguousNameError(ImportError, LookupError):
    """Several plugins contribute the name; the message lists their qualified names."""


class MissingPluginError(ImportError, LookupError):
    """The name belongs to a plugin that is not installed or not loaded."""


class KernelError(RuntimeError):
    """A kernel cannot be compiled; the message names the kernel and the operation."""


class SavedModelError(ValueError):
    """A saved model was rejected: it is malformed, holds code, or needs something missing."""


def explain_missing_backend(error: ModuleNotFoundError) -> ModuleNotFoundError:
    """Return the error to raise when importing Keras fails: it says which backend to install."""
    missing = (error.name or "").partition(".")[0]
    installed = list(filter(importlib.util.find_spec, BACKENDS))
    if missing not in BACKENDS or missing in installed:
        return ModuleNotFoundError(str(error), name=error.name)
    message = (
        f"Keras is set to use {missing}, which is not installed. "
        f'Install it: pip install "kerasx[{missing}]"'
    )
    for backend in installed:
        message += f"\nOr use {backend}, which is installed: KERAS_BACKEND={backend}"
    return ModuleNotFoundError(message, name=missing)
