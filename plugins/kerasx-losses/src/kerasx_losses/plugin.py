"""Contributions of this package to kerasx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kerasx
from kerasx_losses.class_weighted import ClassWeighted

if TYPE_CHECKING:
    from kerasx.testing import Case


@kerasx.hookimpl
def kerasx_losses() -> list:
    """Contribute the losses."""
    return [ClassWeighted]


@kerasx.hookimpl
def kerasx_cases() -> list[Case]:
    """Return the cases with which the contract exercises them."""
    from kerasx_losses.cases import CASES

    return CASES
