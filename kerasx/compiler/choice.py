"""Decide whether a function is compiled.

Functions are compiled on TensorFlow and JAX and run eagerly on PyTorch. The environment variable
`KERASX_COMPILE` overrides this: `0` or `1` for all functions, `name=0` for one, `1,name=0` for all
but one. The name is that of the kernel, or of the region marked by `kerasx.compiler.compiled`.
"""

from __future__ import annotations

import os

import keras

VARIABLE = "KERASX_COMPILE"
COMPILED_BY_DEFAULT = ("tensorflow", "jax")


def decide(name: str) -> tuple[bool, str]:
    """Return whether to compile the function of this name, and why.

    Raises:
        ValueError: `KERASX_COMPILE` is malformed.
    """
    setting = os.environ.get(VARIABLE, "")
    choices = _choices(setting) if setting else {}
    for key in (name, ""):
        if key in choices:
            return choices[key], f"{VARIABLE}={setting}"
    backend = keras.backend.backend()
    return backend in COMPILED_BY_DEFAULT, f"the default on {backend}"


def _choices(setting: str) -> dict[str, bool]:
    choices: dict[str, bool] = {}
    for part in filter(None, (part.strip() for part in setting.split(","))):
        name, _, value = part.rpartition("=")
        if value not in ("0", "1"):
            raise ValueError(
                f"{VARIABLE} must be 0, 1, or name=0 or name=1, several separated by commas; "
                f"received {setting!r}"
            )
        choices[name.strip()] = value == "1"
    return choices
