"""The exceptions and warnings of kerasx."""

__all__ = [
    "AmbiguousNameError",
    "KernelError",
    "MissingPluginError",
    "PluginError",
    "PluginWarning",
    "SavedModelError",
    "UnknownNameError",
]


def __dir__() -> list[str]:
    return __all__


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
