"""What the plugins of this project contribute, also where they are not installed.

The registry reads the table to say which extra has a missing name. ``python -m kerasx.first_party``
writes it anew, in a clone with all of its plugins installed.
"""

import json
from pathlib import Path

_FILE = Path(__file__).with_suffix(".json")

TABLE: dict[str, dict[str, list[str]]] = json.loads(_FILE.read_text())
"""Distribution -> kind -> names."""


def contributed() -> dict[str, dict[str, list[str]]]:
    """The table as it should be: what the plugins in ``plugins/`` contribute.

    Raises:
        RuntimeError: one of them is not loaded.
    """
    from kerasx.registry import plugins

    loaded = {plugin.name: plugin for plugin in plugins() if plugin.status == "loaded"}
    table: dict[str, dict[str, list[str]]] = {}
    for project in sorted(Path(__file__).parents[1].glob("plugins/*/pyproject.toml")):
        distribution = project.parent.name
        if distribution not in loaded:
            raise RuntimeError(f"{distribution} is not loaded; `kerasx list` says why")
        names = table[distribution] = {}
        for each in loaded[distribution].contributions:
            names[each.kind] = sorted([*names.get(each.kind, []), each.name])
    return table


if __name__ == "__main__":
    _FILE.write_text(json.dumps(contributed(), indent=2) + "\n")
