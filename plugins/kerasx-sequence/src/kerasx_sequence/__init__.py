"""CRFs, parallel recurrences and sequence metrics for Keras 3: a plugin of kerasx."""

import kerasx  # noqa: F401  so that either import registers the plugin
from kerasx_sequence.entities import entity_f1

__all__ = ["entity_f1"]
