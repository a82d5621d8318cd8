"""The plugins of this project: which names each has, installed or not, and how to install one."""

import json
from pathlib import Path

FIRST_PARTY: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("first_party.json").read_text("utf-8")
)
"""Distribution -> kind -> names; ``tools/write_first_party.py`` writes it."""


def how_to_install(plugin: str) -> str:
    """Return how to install a plugin of this project, or ``"all"``; true before any release too."""
    return f'pip install ".[{plugin.removeprefix("kerasx-")}]" in a clone of kerasx'
