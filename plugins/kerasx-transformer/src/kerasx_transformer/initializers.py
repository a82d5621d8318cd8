"""Initializers for several weights of one layer."""

from __future__ import annotations

from typing import Any

import keras


def anew(initializer: Any) -> Any:
    """An initializer of the same kind that draws other numbers, unless it has a seed."""
    return initializer.clone() if isinstance(initializer, keras.Initializer) else initializer
