"""What the plugins of this project contribute, also where they are not installed.

The registry reads the table to say which extra has a missing name, and editors the stubs beside
it. ``python -m kerasx.first_party`` writes them anew, in a clone with all of its plugins installed.
"""

import json
from pathlib import Path

from kerasx.registry import Plugin, plugins

_FILE = Path(__file__).with_suffix(".json")

TABLE: dict[str, dict[str, list[str]]] = json.loads(_FILE.read_text())
"""Distribution -> kind -> names."""


def contributed() -> dict[str, dict[str, list[str]]]:
    """The table as it should be: what the plugins in ``plugins/`` contribute.

    Raises:
        RuntimeError: one of them is not loaded.
    """
    table: dict[str, dict[str, list[str]]] = {}
    for plugin in _plugins():
        names = table[plugin.name] = {}
        for each in plugin.contributions:
            names[each.kind] = sorted([*names.get(each.kind, []), each.name])
    return table


def stubs() -> dict[Path, str]:
    """The stubs that kerasx ships, as they should be: those of kinds with a first-party name.

    A name whose plugin is not installed is `Any` to a type checker, as other plugins' names are.

    Raises:
        RuntimeError: a plugin in ``plugins/`` is not loaded.
    """
    from kerasx.stubs import namespace_stub

    found = [each for plugin in _plugins() for each in plugin.contributions]
    return {
        _FILE.with_name(f"{kind}.pyi"): namespace_stub(kind, found, complete=False)
        for kind in sorted({each.kind for each in found})
    }


def _plugins() -> list[Plugin]:
    loaded = {plugin.name: plugin for plugin in plugins() if plugin.status == "loaded"}
    names = [path.parent.name for path in sorted(_FILE.parents[1].glob("plugins/*/pyproject.toml"))]
    for name in names:
        if name not in loaded:
            raise RuntimeError(f"{name} is not loaded; `kerasx list` says why")
    return [loaded[name] for name in names]


if __name__ == "__main__":
    _FILE.write_text(json.dumps(contributed(), indent=2) + "\n")
    for path, text in stubs().items():
        path.write_text(text, encoding="utf-8")
