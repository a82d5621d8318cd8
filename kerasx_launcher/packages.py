"""Import packages of plugins, and which of these are chosen, found without importing them."""

import importlib.util
import os
import re
from functools import cache

from packaging.utils import canonicalize_name

SETTING = "KERASX_PLUGINS"


def chosen_plugins() -> dict[str, str] | None:
    """Return the plugins that ``KERASX_PLUGINS`` names, or `None` if it is not set.

    Returns:
        Normalized name -> the name as it is written there.
    """
    setting = os.environ.get(SETTING)
    if setting is None:
        return None
    return {canonicalize_name(name): name for name in re.findall(r"[^\s,]+", setting)}


@cache
def package_of(module: str) -> str:
    """Return the import package that a module belongs to.

    Several distributions may share a namespace package, which has no ``__init__.py``, as ``mycorp``
    has in ``mycorp.layers`` and ``mycorp.metrics``. So it is the first package below that.
    """
    parts = module.split(".")
    package = parts[0]
    for part in parts[1:]:
        if not _is_namespace(package):
            break
        package += f".{part}"
    return package


def _is_namespace(package: str) -> bool:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # it is being imported, or its import fails
        return False
    return spec is not None and spec.origin is None and spec.submodule_search_locations is not None
