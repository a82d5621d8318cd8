"""Contributions of this package to kerasx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kerasx
from kerasx_metrics.catalogue import CLASSES
from kerasx_metrics.functions import FUNCTIONS
from kerasx_metrics.kernels import top_class
from kerasx_metrics.result_history import ResultHistory

if TYPE_CHECKING:
    from kerasx.testing import Case


@kerasx.hookimpl
def kerasx_metrics() -> list:
    """Contribute each metric as a class and as a function."""
    return CLASSES + FUNCTIONS


@kerasx.hookimpl
def kerasx_callbacks() -> list[type]:
    """Contribute the callback that keeps whole results."""
    return [ResultHistory]


@kerasx.hookimpl
def kerasx_kernels() -> list:
    """Contribute the kernel that finds the highest score of each row."""
    return [top_class]


@kerasx.hookimpl
def kerasx_cases() -> list[Case]:
    """Return the cases with which the contract exercises each contribution."""
    from kerasx_metrics.cases import CASES

    return CASES
