"""The ``kerasx`` command, up to the point where it needs Keras.

This module is outside the package because importing the package imports Keras and a backend. A
command that a plugin adds to the group ``kerasx.commands`` runs without either.
"""

import os
import sys
from importlib.metadata import entry_points


def main() -> None:
    """Run a plugin's command directly, and everything else through ``kerasx.commands``."""
    # TensorFlow reads this only once, while it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    entries = list(entry_points(group="kerasx.commands", name=name))
    if entries and not any(entry.value.startswith("kerasx.") for entry in entries):
        entries[0].load()(args=sys.argv[2:], prog_name=f"kerasx {name}")
        return
    try:
        from kerasx.commands import main as run
    except ModuleNotFoundError as error:
        if error.name not in ("tensorflow", "jax", "torch"):
            raise
        sys.exit(str(error))
    run(prog_name="kerasx")
