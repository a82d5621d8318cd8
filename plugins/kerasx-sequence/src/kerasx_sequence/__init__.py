"""Sequences in Keras 3: CRFs, parallel recurrences, their losses and metrics: a plugin of kerasx."""

import kerasx  # noqa: F401  so that either import registers the plugin
