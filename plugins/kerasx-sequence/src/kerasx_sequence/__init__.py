"""Sequences in Keras 3: CRFs, parallel recurrences, losses, metrics: a plugin of kerasx."""

import kerasx  # noqa: F401  so that either import registers the plugin
from kerasx_sequence.constraints import Constraints, bilou_constraints, iob2_constraints

__all__ = ["Constraints", "bilou_constraints", "iob2_constraints"]
