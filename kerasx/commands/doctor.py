"""``kerasx doctor``: the facts about an installation to include in a bug report.

Each fact is looked up by itself, so a broken one is reported and does not hide the rest.
"""

import importlib.util
import os
import platform
import re
import sys
import textwrap
import time
from collections import Counter, defaultdict
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
from keras import ops

from kerasx.compiler import kernel
from kerasx.preference import choose
from kerasx.registry import Plugin, contributions, plugins
from kerasx_launcher.backends import BACKENDS

# Not all of TF_: Terraform's variables have that prefix too, and may hold passwords.
SETTINGS = re.compile(
    r"(KERASX?|XLA|JAX|PYTORCH|TF_(CPP|CUDNN|DETERMINISTIC|ENABLE|FORCE|GPU|NUM|USE|XLA))_\w+"
    r"|CUDA_VISIBLE_DEVICES"
)


@kernel
def probe(x: Any) -> Any:
    """Compute a product, a reduction and an elementwise function, as most kernels do."""
    return ops.sum(ops.tanh(ops.matmul(x, ops.transpose(x))), -1)


def run_probe() -> str:
    """Run a small kernel twice, and report how long each call took.

    Raises:
        KernelError: the backend cannot compile it.
        ArithmeticError: its value is wrong.
    """
    x = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
    expected = np.tanh(x @ x.T).sum(-1)
    milliseconds = []
    for _ in range(2):
        start = time.perf_counter()
        value = ops.convert_to_numpy(probe(x))
        milliseconds.append(f"{(time.perf_counter() - start) * 1e3:.1f} ms")
        # A GPU may multiply in fewer bits.
        if not np.allclose(value, expected, atol=1e-2):
            raise ArithmeticError(f"it gives {value.tolist()}; right is {expected.tolist()}")
    compiled = keras.backend.backend() in ("tensorflow", "jax")
    how = "compiled by XLA" if compiled else "runs eagerly, as kernels do on this backend"
    return f"{how}; first call {milliseconds[0]}, second {milliseconds[1]}"


def versions() -> dict[str, str]:
    """Return the versions of Python, kerasx and its dependencies, without importing them."""
    distributions = packages_distributions()

    def of(package: str) -> str:
        names = dict.fromkeys(distributions.get(package, [package]))
        return ", ".join(f"{name} {version(name)}" for name in names)

    used = keras.backend.backend()
    others = [name for name in BACKENDS if name != used and importlib.util.find_spec(name)]
    return {
        "python": f"{platform.python_version()} on {platform.platform()}",
        "kerasx": version("kerasx"),
        "keras": keras.version(),
        "backend": of(used),
        "not in use": ", ".join(map(of, others)) or "no other backend is installed",
        "numpy": np.__version__,
        "pluggy": version("pluggy"),
    }


def devices() -> str:
    """List the devices of the backend in use, with their models if they are known."""
    names = ["cpu"]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        model = tf.config.experimental.get_device_details
        names = [
            f"{each.device_type.lower()} {model(each).get('device_name', '')}".rstrip()
            for each in tf.config.list_physical_devices()
        ]
    elif keras.backend.backend() == "jax":
        import jax

        models = [(each.platform, each.device_kind) for each in jax.devices()]
        names = [" ".join(dict.fromkeys(each)) for each in models]
    elif keras.backend.backend() == "torch":
        import torch

        number = torch.cuda.device_count()
        names += [f"cuda {torch.cuda.get_device_name(index)}" for index in range(number)]
        names += ["mps"] * torch.backends.mps.is_available()
    return ", ".join(f"{number} x {name}" for name, number in Counter(names).items())


def settings() -> dict[str, str]:
    """Return the environment variables that affect Keras, kerasx and the backends."""
    return {name: os.environ[name] for name in sorted(os.environ) if SETTINGS.fullmatch(name)}


def duplicates() -> dict[str, str]:
    """Return the plain names that several plugins have, with their qualified names and meaning."""
    candidates = defaultdict(list)
    for each in contributions():
        candidates[f"kerasx.{each.kind}.{each.name}"].append(each)
    described = {}
    for name, (first, *others) in sorted(candidates.items()):
        if not all(map(first.is_same, others)):
            chosen = choose([first, *others])
            meaning = f"; it means {chosen[0].qualified}" if len(chosen) == 1 else ""
            described[name] = ", ".join(each.qualified for each in (first, *others)) + meaning
    return described


def describe(plugin: Plugin) -> str:
    """Describe a plugin in one line, followed by its error and traceback if it failed."""
    source = f"entry point {plugin.entry_point.value}" if plugin.entry_point else "at run time"
    line = (
        f"{plugin.name} {plugin.version}".rstrip() + f": {plugin.status}, "
        f"{len(plugin.contributions)} contributions, {source}"
    )
    details = "\n".join(filter(None, [plugin.error, plugin.traceback])).rstrip()
    return f"{line}\n{textwrap.indent(details, '  ')}".rstrip()


def diagnose() -> None:
    """Print what to include in a bug report; exit with status 1 if something is broken."""
    facts, problems = versions(), []
    for name, look in {"devices": devices, "kernel": run_probe}.items():
        try:
            facts[name] = look()
        except Exception as error:  # whatever a driver or a compiler raises
            facts[name] = f"{type(error).__name__}: {error}"
            problems.append(name)
    lines = [f"{name:<11} {value}" for name, value in {**facts, **settings()}.items()]
    installed = plugins()
    problems += [f"plugin {plugin.name}" for plugin in installed if plugin.status == "failed"]
    lines += ["", "plugins" if installed else "no plugins"]
    lines += [textwrap.indent(describe(plugin), "  ") for plugin in installed]
    for name, qualified in duplicates().items():
        lines += ["", f"several plugins contribute {name}: {qualified}"]
    lines += ["", f"broken: {', '.join(problems) or 'nothing'}"]
    # Hide the user name: bug reports are public.
    click.echo(re.sub(rf"{re.escape(str(Path.home()))}(?=/)", "~", "\n".join(lines)))
    sys.exit(1 if problems else 0)
