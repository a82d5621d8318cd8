"""Lazy references: contributions of another package, which is imported on first use.

A hook may list ``"keras_hub.layers:RotaryEmbedding"`` instead of the class, so that importing
kerasx does not import a heavy package.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any


class Lazy:
    """A reference ``module:Name``."""

    PATTERN = re.compile(r"\w+(\.\w+)*:[A-Za-z]\w*", re.ASCII)

    def __init__(self, target: str):
        self.target = target
        self.module, _, self.__name__ = target.partition(":")
        self.package = self.module.partition(".")[0]

    def load(self) -> Any:
        """Import the module, and return the object."""
        import_module(self.package)  # parts of a package that fails to import stay importable
        return getattr(import_module(self.module), self.__name__)

    def loaded(self) -> Any:
        """Return the object if its module has been imported, or else `None`."""
        module = sys.modules.get(self.module) if self.package in sys.modules else None
        return getattr(module, self.__name__, None)

    def names_in_files(self) -> list[str]:
        """Return the names under which Keras may have saved the object.

        Those are the plain name, if its owner does not register it, or else one that begins with
        Keras's default or with the owner's package.
        """
        name = self.__name__
        return [name, f"Custom>{name}", f"{self.package}>{name}"]
