"""CRFs, parallel recurrences and sequence metrics for Keras 3: a plugin of kerasx."""

import kerasx  # noqa: F401  so that either import registers the plugin
from kerasx_sequence.entities import entity_f1
from kerasx_sequence.error_rates import char_error_rate, word_error_rate

__all__ = ["char_error_rate", "entity_f1", "word_error_rate"]
