"""The exceptions and warnings of kerasx."""


class PluginError(Exception):
    """A plugin breaks the contract; the message says how."""


class PluginWarning(RuntimeWarning):
    """A plugin could not be loaded and was skipped."""


class UnknownNameError(AttributeError, LookupError):
    """No loaded plugin contributes the name, or several do; the message says what to do."""


class MissingPluginError(ImportError, LookupError):
    """The name belongs to a plugin that is not installed or not loaded."""


class KernelError(RuntimeError):
    """A kernel cannot be compiled; the message names the kernel and the operation."""


class SavedModelError(ValueError):
    """A saved model was rejected: it is malformed, holds code, or needs something missing."""
