"""Regularizers that the installed plugins contribute; ``dir(kerasx.regularizers)`` lists them."""

from kerasx.namespaces import namespace as _namespace

__getattr__, __dir__ = _namespace("regularizers")
