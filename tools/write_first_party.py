"""Write the generated files of the core: the table of first-party names, and their stubs.

The registry reads the table to say which extra has a missing name; editors read the stubs. Run it
in a clone with all plugins installed: ``python tools/write_first_party.py``.
"""

import json
from pathlib import Path

from kerasx.commands.stubs import namespace_stub
from kerasx.registry import Plugin, plugins

ROOT = Path(__file__).resolve().parents[1]


def generate() -> dict[Path, str]:
    """Return the content of each generated file.

    A name whose plugin is not installed is `Any` to a type checker, as other plugins' names are.

    Raises:
        RuntimeError: a plugin in ``plugins/`` is not loaded.
    """
    table: dict[str, dict[str, list[str]]] = {}
    for plugin in _first_party_plugins():
        names = table[plugin.name] = {}
        for each in plugin.contributions:
            names[each.kind] = sorted([*names.get(each.kind, []), each.name])
    contributed = [each for plugin in _first_party_plugins() for each in plugin.contributions]
    generated = {
        ROOT / "kerasx" / f"{kind}.pyi": namespace_stub(kind, contributed, complete=False)
        for kind in sorted({each.kind for each in contributed})
    }
    return {ROOT / "kerasx" / "first_party.json": json.dumps(table, indent=2) + "\n", **generated}


def _first_party_plugins() -> list[Plugin]:
    loaded = {plugin.name: plugin for plugin in plugins() if plugin.status == "loaded"}
    names = [path.parent.name for path in sorted(ROOT.glob("plugins/*/pyproject.toml"))]
    for name in names:
        if name not in loaded:
            raise RuntimeError(f"{name} is not loaded; `kerasx list` says why")
    return [loaded[name] for name in names]


if __name__ == "__main__":
    for path, text in generate().items():
        path.write_text(text, encoding="utf-8")
