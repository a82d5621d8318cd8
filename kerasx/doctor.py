"""``kerasx doctor``: the facts about an installation that belong in a bug report.

Each fact is looked up on its own: what is broken is reported, and does not hide the rest.
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

import click
import keras
import numpy as np
from keras import ops

import kerasx
from kerasx.registry import Plugin, contributions

BACKENDS = ("tensorflow", "jax", "torch")
# Not all of TF_: Terraform's variables begin so as well, and may hold passwords.
SETTINGS = re.compile(
    r"(KERASX?|XLA|JAX|PYTORCH|TF_(CPP|CUDNN|DETERMINISTIC|ENABLE|FORCE|GPU|NUM|USE|XLA))_\w+"
    r"|CUDA_VISIBLE_DEVICES"
)


@kerasx.kernel
def probe(x: np.ndarray) -> np.ndarray:
    """A product, a reduction and an elementwise function: what any kernel is made of."""
    return ops.sum(ops.tanh(ops.matmul(x, ops.transpose(x))), -1)


def versions() -> dict[str, str]:
    """Versions of Python, of kerasx and of what it stands on; nothing more is imported."""
    distributions = packages_distributions()

    def with_version(package: str) -> str:
        names = distributions.get(package, [package])
        return ", ".join(f"{name} {version(name)}" for name in dict.fromkeys(names))

    used = keras.backend.backend()
    others = [name for name in BACKENDS if name != used and importlib.util.find_spec(name)]
    return {
        "python": f"{platform.python_version()} on {platform.platform()}",
        "kerasx": kerasx.__version__,
        "keras": keras.version(),
        "backend": with_version(used),
        "also there": ", ".join(map(with_version, others)) or "no other backend",
        "numpy": np.__version__,
        "pluggy": version("pluggy"),
    }


def devices() -> list[str]:
    """The devices of the backend in use, each with the name of its model where that is known."""
    used = keras.backend.backend()
    if used == "tensorflow":
        import tensorflow as tf

        details = tf.config.experimental.get_device_details
        return [
            f"{device.device_type.lower()} {details(device).get('device_name', '')}".rstrip()
            for device in tf.config.list_physical_devices()
        ]
    if used == "jax":
        import jax

        return [
            f"{device.platform} {device.device_kind}".removeprefix("cpu ")
            for device in jax.devices()
        ]
    if used == "torch":
        import torch

        gpus = [f"cuda {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
        return ["cpu", *gpus, *["mps"] * torch.backends.mps.is_available()]
    return ["cpu"]


def run_probe() -> str:
    """Run a small kernel twice, and say how long each call took.

    Raises:
        KernelError: the backend cannot compile it.
        ArithmeticError: its value is wrong.
    """
    x = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
    expected = np.tanh(x @ x.T).sum(-1)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        value = ops.convert_to_numpy(probe(x))
        seconds.append(time.perf_counter() - start)
        # TensorFlow and JAX may multiply in fewer bits on a GPU.
        if not np.allclose(value, expected, atol=1e-2):
            raise ArithmeticError(f"it gives {value.tolist()}; right is {expected.tolist()}")
    compiled = keras.backend.backend() in ("tensorflow", "jax")
    how = "compiled by XLA" if compiled else "runs eagerly, as kernels do on this backend"
    return f"{how}; first call {seconds[0] * 1e3:.1f} ms, second {seconds[1] * 1e3:.1f} ms"


def settings() -> dict[str, str]:
    """The environment variables that change what Keras, kerasx and the backends do."""
    return {name: os.environ[name] for name in sorted(os.environ) if SETTINGS.fullmatch(name)}


def duplicates() -> dict[str, list[str]]:
    """Plain names that several plugins contribute, each with its qualified names."""
    found = defaultdict(list)
    for each in contributions():
        found[f"kerasx.{each.kind}.{each.name}"].append(each.qualified)
    return {name: qualified for name, qualified in sorted(found.items()) if len(qualified) > 1}


def _counted() -> str:
    counts = Counter(devices())
    return ", ".join(f"{number} x {name}" for name, number in counts.items())


def _describe(plugin: Plugin) -> str:
    """One line on a plugin, and the traceback of one that failed."""
    contract = f"contract {plugin.contract}" if plugin.contract else "contract unknown"
    lines = [
        f"{plugin.name} {plugin.version}: {plugin.status}, entry point {plugin.entry_point.value}, "
        f"{contract}, {len(plugin.contributions)} contributions"
    ]
    if plugin.error:
        lines.append(f"  {plugin.error}")
    if plugin.traceback:
        lines.append(textwrap.indent(plugin.traceback.rstrip(), "  "))
    return "\n".join(lines)


def _echo(text: str) -> None:
    """Print; the user's name is not part of a bug report."""
    home = str(Path.home())
    click.echo(re.sub(rf"{re.escape(home)}(?=/|$)", "~", text, flags=re.M) if home != "/" else text)


@click.command()
def doctor() -> None:
    """Print what belongs in a bug report; exit with status 1 if something is broken."""
    facts, problems = versions(), []
    for name, look in {"devices": _counted, "kernel": run_probe}.items():
        try:
            facts[name] = look()
        except Exception as error:  # whatever a driver or a compiler raises
            facts[name] = f"{type(error).__name__}: {error}"
            problems.append(f"{name} failed")
    for name, value in {**facts, **settings()}.items():
        _echo(f"{name:<11} {value}")
    found = kerasx.plugins()
    problems += [f"plugin {plugin.name} failed" for plugin in found if plugin.status == "failed"]
    _echo("\nplugins" if found else "\nno plugins")
    for plugin in found:
        _echo(textwrap.indent(_describe(plugin), "  "))
    for name, qualified in duplicates().items():
        _echo(f"\nduplicated name {name}: {', '.join(qualified)}")
    _echo(f"\nproblems: {', '.join(problems) or 'none'}")
    sys.exit(bool(problems))
