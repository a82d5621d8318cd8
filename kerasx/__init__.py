"""kerasx: the extension layer of Keras 3.

Contributions of plugins are found here by kind: ``kerasx.metrics.F1Score``, ``kerasx.layers.CRF``.
Importing kerasx also registers them with Keras, so ``keras.models.load_model`` needs no
``custom_objects``. Run ``kerasx list`` in a shell to see what is installed.
"""

from typing import TYPE_CHECKING, Any

from kerasx_launcher.backends import explain_missing_backend as _explain_missing_backend

try:
    import keras as _  # noqa: F401
except ModuleNotFoundError as error:
    raise _explain_missing_backend(error) from error

from kerasx import (
    activations,
    callbacks,
    compiler,
    constraints,
    errors,
    initializers,
    kernels,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
)
from kerasx.compiler import custom_gradient, kernel
from kerasx.hookspecs import hookimpl
from kerasx.names import hold_places as _hold_places
from kerasx.names import lookup
from kerasx.optional import unavailable
from kerasx.preference import prefer
from kerasx.registration import register
from kerasx.registry import load as _load
from kerasx.registry import plugins

if TYPE_CHECKING:
    from kerasx.saving import load_model, save_model

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "activations",
    "callbacks",
    "compiler",
    "constraints",
    "custom_gradient",
    "errors",
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
    "prefer",
    "register",
    "regularizers",
    "save_model",
    "schedules",
    "unavailable",
]


def __getattr__(name: str) -> Any:
    if name not in ("load_model", "save_model"):
        raise AttributeError(f"module 'kerasx' has no attribute {name!r}")
    from kerasx import saving  # reads archives; importing kerasx need not pay for that

    return getattr(saving, name)


def __dir__() -> list[str]:
    return __all__


# Last, because a plugin imports the names above while it is being loaded.
_load()
_hold_places()
