"""A second process, which has nothing but what is imported there: where saved models must load."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kerasx.registry import contributions

SERVER = """
import contextlib, importlib, json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    try:
        request = json.loads(line)
        sys.path[:] = request["path"]
        import keras, kerasx, numpy
        for module in request["modules"]:
            importlib.import_module(module)
        model = keras.models.load_model(request["model"])
        with numpy.load(request["inputs"]) as arrays:
            arrays = [arrays[name] for name in arrays.files]
        if request["evaluate"]:
            *x, y = arrays
            found = model.evaluate(
                x[0] if len(x) == 1 else x, y, batch_size=len(y), verbose=0, return_dict=True
            )
        else:
            found = model.predict_on_batch(arrays)
        leaves = [keras.ops.convert_to_numpy(leaf) for leaf in keras.tree.flatten(found)]
        numpy.savez(request["outputs"], *leaves)
        answer = None
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps(answer), file=answers, flush=True)
"""


@cache
def _process() -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(process.kill)
    return process


def reloaded(
    model: Path, arrays: list[np.ndarray], modules: list[str], *, evaluate: bool = False
) -> list[np.ndarray]:
    """What a saved model gives in a process that did not make it.

    Args:
        model: the saved model.
        arrays: its inputs; the last one is the labels if it is evaluated.
        modules: what that process imports besides kerasx.
        evaluate: whether to return its metrics rather than its predictions.

    Raises:
        AssertionError: it does not load or run there.
    """
    inputs, outputs = model.with_suffix(".in.npz"), model.with_suffix(".out.npz")
    np.savez(inputs, *arrays)
    request = {
        "model": str(model),
        "inputs": str(inputs),
        "outputs": str(outputs),
        "modules": modules,
        "path": sys.path,
        "evaluate": evaluate,
    }
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    error = json.loads(process.stdout.readline() or '"the process ended"')
    assert error is None, f"in another process, after `import kerasx`, the model fails: {error}"
    with np.load(outputs) as found:
        return [found[name] for name in found.files]


def modules_of(contribution: Any) -> list[str]:
    """What has to be imported besides kerasx: nothing for what a plugin contributes."""
    if any(each.object is contribution for each in contributions()):
        return ["kerasx.testing"]
    return ["kerasx.testing", contribution.__module__]
