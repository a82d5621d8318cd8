"""Preference: what a plain name means where several plugins contribute it.

A plugin of this project keeps its plain names, so that installing another one never breaks them.
Between other plugins the user decides, with `prefer` or the environment variable ``KERASX_PREFER``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from packaging.utils import canonicalize_name

from kerasx import registry
from kerasx.plugin import Contribution
from kerasx_launcher.first_party import FIRST_PARTY

VARIABLE = "KERASX_PREFER"

_preferred: list[str] = []


def prefer(*plugins: str) -> None:
    """Let plain names mean those of these plugins, where other plugins have the same names.

    Names of kerasx's own plugins keep their meaning. The environment variable ``KERASX_PREFER``
    does the same for a whole program: ``KERASX_PREFER=acme-layers,zeta-layers``. Each call replaces
    what the last one said; a call without plugins leaves the decision to the variable.

    Args:
        *plugins: distributions or import packages, the most preferred one first.

    Raises:
        ValueError: no plugin of that name is installed.

    Example:
    >>> import kerasx
    >>> kerasx.prefer("acme-layers")
    Traceback (most recent call last):
        ...
    ValueError: kerasx.prefer: plugins must be installed; received 'acme-layers'
    """
    for name in plugins:
        if registry.find_plugin(name) is None:
            raise ValueError(f"kerasx.prefer: plugins must be installed; received {name!r}")
    _preferred[:] = plugins


def decided(contributions: Iterable[Contribution]) -> dict[str, Contribution]:
    """Return the plain names of contributions of one kind, and what each means."""
    candidates: dict[str, list[Contribution]] = {}
    for each in contributions:
        candidates.setdefault(each.name, []).append(each)
    chosen = {name: choose(named) for name, named in candidates.items()}
    return {name: meanings[0] for name, meanings in chosen.items() if len(meanings) == 1}


def choose(candidates: Sequence[Contribution]) -> Sequence[Contribution]:
    """Return the contribution that a plain name means, or all of them if that is not decided."""
    if len(candidates) < 2:
        return candidates
    own = [each for each in candidates if _is_first_party(each)]
    if own:
        return own
    for name in [*_preferred, *re.findall(r"[^\s,]+", os.environ.get(VARIABLE, ""))]:
        for each in candidates:
            names = each.plugin.name, each.plugin.package
            if canonicalize_name(name) in map(canonicalize_name, names):
                return [each]
    one_object = all(map(candidates[0].is_same, candidates[1:]))
    return candidates[:1] if one_object else candidates


def _is_first_party(contribution: Contribution) -> bool:
    plugin = contribution.plugin
    return plugin.entry_point is not None and canonicalize_name(plugin.name) in FIRST_PARTY
