"""The metrics as functions of whole arrays: ``from kerasx_metrics.functions import f1_score``.

They are made from the classes, so editors read their arguments in `functions.pyi`, which
``kerasx stubs kerasx_metrics.functions`` writes.
"""

from kerasx_metrics.plugin import FUNCTIONS

globals().update({function.__name__: function for function in FUNCTIONS})
