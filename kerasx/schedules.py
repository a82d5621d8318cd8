"""Learning rate schedules of the installed plugins; ``dir(kerasx.schedules)`` lists them."""

from kerasx.namespaces import namespace as _namespace

__getattr__, __dir__ = _namespace("schedules")
