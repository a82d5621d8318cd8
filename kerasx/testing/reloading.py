"""Load saved models in another process, which has imported only kerasx."""

from __future__ import annotations

import atexit
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kerasx.registry import contributions
from kerasx.testing.worker import Worker, WorkerError, importable_from

PREPARE = """
import importlib, sys, keras, kerasx, numpy

def load_and_run(model, inputs, outputs, modules, evaluate, path):
    sys.path[:] = path
    for module in modules:
        importlib.import_module(module)
    model = keras.models.load_model(model)
    with numpy.load(inputs) as arrays:
        arrays = [arrays[name] for name in arrays.files]
    if evaluate:
        *x, y = arrays
        x = x[0] if len(x) == 1 else x
        model.run_eagerly = True
        results = model.evaluate(x, y, batch_size=len(y), verbose=0, return_dict=True)
    else:
        results = model(arrays[0] if len(arrays) == 1 else arrays, training=False)
    leaves = [keras.ops.convert_to_numpy(leaf) for leaf in keras.tree.flatten(results)]
    numpy.savez(outputs, *leaves)
"""


@cache
def _worker() -> Worker:
    worker = Worker(environment=importable_from())
    atexit.register(worker.close)
    worker.run(PREPARE)
    return worker


def reloaded(
    model: Path, arrays: list[np.ndarray], modules: list[str], *, evaluate: bool = False
) -> list[np.ndarray]:
    """Return the results of a saved model in a process that did not make it.

    Args:
        model: the saved model.
        arrays: its inputs; the last one is the labels if it is evaluated.
        modules: the modules that the process imports besides kerasx.
        evaluate: whether to return its metrics rather than its predictions.

    Raises:
        AssertionError: the model does not load or run there.
    """
    inputs, outputs = model.with_suffix(".in.npz"), model.with_suffix(".out.npz")
    np.savez(inputs, *arrays)
    try:
        _worker().run(
            "load_and_run(**request)",
            request={
                "model": str(model),
                "inputs": str(inputs),
                "outputs": str(outputs),
                "modules": modules,
                "evaluate": evaluate,
                "path": sys.path,
            },
        )
    except WorkerError as error:
        raise AssertionError(
            f"in another process, after `import kerasx`, the model fails: {error}"
        ) from error
    with np.load(outputs) as results:
        return [results[name] for name in results.files]


def modules_of(contribution: Any) -> list[str]:
    """Return the modules to import besides kerasx, which finds the modules of plugins itself."""
    if any(contributed.object is contribution for contributed in contributions()):
        return ["kerasx.testing"]
    return ["kerasx.testing", contribution.__module__]
