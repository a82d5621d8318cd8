"""Streaming classification metrics for Keras 3, exact at any number of samples."""

import kerasx  # noqa: F401  first: it loads this plugin, whose modules import nothing from here
