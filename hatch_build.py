"""Fill in the extras, so that they work in a clone and in a published wheel alike.

In a clone no ``kerasx-*`` plugin need be on any index: ``pip install ".[metrics]"`` has to take
``plugins/kerasx-metrics``, so the requirement is a ``file://`` reference to that directory. In a
wheel for others it has to be the plain name. ``KERASX_PLAIN_REQUIREMENTS=1`` asks for plain names;
``make wheels`` sets it, and so does the Makefile where it installs core and plugins together.
"""

import os
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface
from packaging.requirements import Requirement

PREFIX = "kerasx-"


class ExtrasHook(MetadataHookInterface):
    """Build hook for ``optional-dependencies``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the configured extras, one extra per plugin, and ``all``."""
        projects = Path(self.root).glob(f"plugins/{PREFIX}*/pyproject.toml")
        plugins = {project.parent.name: project.parent for project in sorted(projects)}

        def locate(requirement: str) -> str:
            parsed = Requirement(requirement)
            if parsed.name in plugins:
                parsed.url = plugins[parsed.name].as_uri()
            return str(parsed)

        extras = dict(self.config["extras"])
        extras |= {name.removeprefix(PREFIX): [name] for name in plugins}
        extras["all"] = list(plugins)
        if os.environ.get("KERASX_PLAIN_REQUIREMENTS") != "1":
            extras = {extra: [locate(r) for r in wanted] for extra, wanted in extras.items()}
        metadata["optional-dependencies"] = extras
