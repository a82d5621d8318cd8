"""Choice of the array module, so that one formula computes with NumPy arrays and with tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops


def array_module(values: Any) -> Any:
    """Return NumPy for NumPy's arrays, and `keras.ops` for tensors.

    Both have `sum`, `where`, `sqrt` and the like. A formula that takes them from here serves
    results outside of compiled code, where NumPy takes microseconds and a backend compiles each
    operation, and inside of it.

    Example:
    >>> import numpy as np
    >>> from kerasx.authoring import array_module
    >>> total = np.array([3.0, 4.0])
    >>> print(array_module(total).sum(total))
    7.0
    """
    return np if isinstance(values, np.ndarray | np.generic) else ops
