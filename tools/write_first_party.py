"""Write the generated files of the project: catalogues of its plugins, their names, and stubs.

The commands read the catalogues; the core reads the table of names, to say what to install for a
missing one; editors read the stubs. Run it in a clone with all plugins installed:
``python tools/write_first_party.py``.
"""

import json
from pathlib import Path

from kerasx.catalogue import as_text
from kerasx.commands.stubs import namespace_stub
from kerasx.registry import Plugin, plugins
from kerasx_launcher.catalogue import FILE

ROOT = Path(__file__).resolve().parents[1]


def generate() -> dict[Path, str]:
    """Return the content of each generated file.

    A name whose plugin is not installed is `Any` to a type checker, as other plugins' names are.

    Raises:
        RuntimeError: a plugin in ``plugins/`` is not loaded.
    """
    first_party = _first_party_plugins()
    table: dict[str, dict[str, list[str]]] = {}
    for plugin in first_party:
        names = table[plugin.name] = {}
        for each in plugin.contributions:
            names[each.kind] = sorted([*names.get(each.kind, []), each.name])
    contributed = [each for plugin in first_party for each in plugin.contributions]
    return {
        ROOT / "kerasx_launcher" / "first_party.json": json.dumps(table, indent=2) + "\n",
        **{
            ROOT / "kerasx" / f"{kind}.pyi": namespace_stub(kind, contributed, complete=False)
            for kind in sorted({each.kind for each in contributed})
        },
        **{
            ROOT / "plugins" / plugin.name / "src" / plugin.package / FILE: as_text(
                plugin.contributions
            )
            for plugin in first_party
        },
    }


def _first_party_plugins() -> list[Plugin]:
    loaded = {plugin.name: plugin for plugin in plugins() if plugin.status == "loaded"}
    names = [path.parent.name for path in sorted(ROOT.glob("plugins/*/pyproject.toml"))]
    for name in names:
        if name not in loaded:
            raise RuntimeError(f"{name} is not loaded; `kerasx doctor` says why")
    return [loaded[name] for name in names]


if __name__ == "__main__":
    for path, text in generate().items():
        path.write_text(text, encoding="utf-8")
