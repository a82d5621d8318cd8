"""The contract between kerasx and its plugins: one hook per kind of contribution.

A plugin is a package with an entry point in the group ``kerasx``, which names a module. The plugin
contributes what the functions of that module return that have a name below and are marked with
``@kerasx.hookimpl``. It implements the hooks that it needs. Each takes no argument and returns a
list. The ``__name__`` of a contribution is its public name. What the plugin's own package defines
is registered with Keras as ``package>Name``, which saved models depend on, so neither may change
after a release. What another package defines is saved as its owner decides.

Instead of a class or function, a list may hold a lazy reference to it,
``"heavy_package.layers:Name"``, which is imported on first use, or ``kerasx.unavailable(...)`` for
one that needs a package which is not installed.

Names that begin with ``kerasx_`` are reserved in that module. A plugin states which kerasx it needs
as an ordinary requirement, such as ``kerasx>=0.1``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import pluggy

from kerasx.compiler import Kernel

hookspec = pluggy.HookspecMarker("kerasx")
hookimpl = pluggy.HookimplMarker("kerasx")


@hookspec
def kerasx_layers() -> Iterable[type[keras.Layer]]:
    """Return a list of subclasses of ``keras.Layer``."""


@hookspec
def kerasx_losses() -> Iterable[type[keras.Loss] | Callable]:
    """Return a list of subclasses of ``keras.Loss``, or functions of ``(y_true, y_pred)``."""


@hookspec
def kerasx_metrics() -> Iterable[type[keras.Metric] | Callable]:
    """Return a list of subclasses of ``keras.Metric``, or functions of ``(y_true, y_pred)``."""


@hookspec
def kerasx_kernels() -> Iterable[Kernel]:
    """Return a list of kernels: functions over tensors decorated with ``@kerasx.kernel``."""


@hookspec
def kerasx_activations() -> Iterable[Callable]:
    """Return a list of functions of one tensor."""


@hookspec
def kerasx_optimizers() -> Iterable[type[keras.Optimizer]]:
    """Return a list of subclasses of ``keras.Optimizer``."""


@hookspec
def kerasx_schedules() -> Iterable[type[keras.optimizers.schedules.LearningRateSchedule]]:
    """Return a list of subclasses of ``keras.optimizers.schedules.LearningRateSchedule``."""


@hookspec
def kerasx_callbacks() -> Iterable[type[keras.callbacks.Callback]]:
    """Return a list of subclasses of ``keras.callbacks.Callback``."""


@hookspec
def kerasx_initializers() -> Iterable[type[keras.Initializer] | Callable]:
    """Return a list of subclasses of ``keras.Initializer``, or functions of ``(shape, dtype)``."""


@hookspec
def kerasx_constraints() -> Iterable[type[keras.constraints.Constraint] | Callable]:
    """Return a list of subclasses of ``keras.constraints.Constraint``, or functions of a weight."""


@hookspec
def kerasx_regularizers() -> Iterable[type[keras.Regularizer] | Callable]:
    """Return a list of subclasses of ``keras.Regularizer``, or functions of a weight."""


@hookspec
def kerasx_cases() -> Iterable[Any]:
    """Return a list of ``kerasx.testing.Case``: how to exercise each contribution.

    Only the contract's tests call this hook, so import ``kerasx.testing`` inside it.
    """
