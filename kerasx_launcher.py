"""The ``kerasx`` command: what has to happen before ``import kerasx`` imports a backend."""

import importlib.util
import os
import sys

BACKENDS = ("tensorflow", "jax", "torch")


def main() -> None:
    """Run ``kerasx.cli``, or say in one sentence that Keras's backend is not installed."""
    # TensorFlow reads this only once, while it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        from kerasx.cli import main as run
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        installed = list(filter(importlib.util.find_spec, BACKENDS))
        if missing not in BACKENDS or missing in installed:
            raise
        message = (
            f"Keras is set to use {missing}, which is not installed. "
            f'Install it: pip install "kerasx[{missing}]"'
        )
        for backend in installed:
            message += f"\nOr use {backend}, which is installed: KERAS_BACKEND={backend}"
        sys.exit(message)
    run()
