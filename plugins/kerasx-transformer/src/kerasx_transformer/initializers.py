"""Initializers for several weights of one layer."""

from __future__ import annotations

from typing import Any

import keras


def fresh_initializer(initializer: Any) -> Any:
    """Copy an initializer, so that the copy draws other numbers unless it has a seed."""
    return initializer.clone() if isinstance(initializer, keras.Initializer) else initializer
