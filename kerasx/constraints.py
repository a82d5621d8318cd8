"""Constraints that the installed plugins contribute; ``dir(kerasx.constraints)`` lists them."""

from kerasx.namespaces import namespace as _namespace

__getattr__, __dir__ = _namespace("constraints")
