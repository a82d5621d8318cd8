"""kerasx: the extension layer of Keras 3.

What plugins contribute is found here by kind: ``kerasx.metrics.F1Score``, ``kerasx.layers.CRF``.
Importing kerasx registers it with Keras too, so ``keras.models.load_model`` needs no
``custom_objects``. ``kerasx list`` in a shell shows what is installed.
"""

from typing import TYPE_CHECKING, Any

from kerasx import (
    activations,
    callbacks,
    constraints,
    initializers,
    kernels,
    layers,
    losses,
    metrics,
    optimizers,
    registry,
    regularizers,
)
from kerasx.gradient import custom_gradient
from kerasx.hookspecs import hookimpl
from kerasx.kernel import kernel
from kerasx.registry import lookup, plugins

if TYPE_CHECKING:
    from kerasx.saved import load_model, save_model

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "activations",
    "callbacks",
    "constraints",
    "custom_gradient",
    "hookimpl",
    "initializers",
    "kernel",
    "kernels",
    "layers",
    "load_model",
    "lookup",
    "losses",
    "metrics",
    "optimizers",
    "plugins",
    "regularizers",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name not in ("load_model", "save_model"):
        raise AttributeError(f"module 'kerasx' has no attribute {name!r}")
    from kerasx import saved  # which reads archives, and importing kerasx need not pay for

    return getattr(saved, name)


# Last: a plugin imports the names above while it is being loaded.
registry.load()
