"""Optimizers that the installed plugins contribute; ``dir(kerasx.optimizers)`` lists them."""

from kerasx.namespaces import namespace as _namespace

__getattr__, __dir__ = _namespace("optimizers")
