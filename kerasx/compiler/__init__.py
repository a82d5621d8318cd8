"""One function over tensors, compiled by three backends.

- `kernel` makes a function that users call: it checks shapes and dtypes, rounds lengths up to
  buckets, becomes a node of functional models, and has a plain reference to be tested against.
- `compiled` marks a region inside such a function, or inside a layer: the part that XLA compiles as
  one program.
- `custom_gradient` gives a function a gradient written by hand, in one form for all backends.
- `traced_once`, `not_converted` and `outside_of_graphs` make TensorFlow's graphs cheap: they share
  traces, and neither AutoGraph nor the creation of a variable adds to them.
- `is_concrete`, `is_shape_inference`, `device` and `has_int64` tell where a function is running.
- `with_float64` lets JAX compute in float64.
- `exact_tensor` converts arrays to tensors that hold the same integers.
- `Kernel.explain` returns an `Explanation`: what runs for given arguments, and its cost.

Everything listed in `__all__` is public and stable; the modules below are not.
"""

from kerasx.compiler._explain import Explanation
from kerasx.compiler._kernel import Kernel, kernel
from kerasx.compiler.backends import (
    device,
    has_int64,
    is_concrete,
    is_eager_step,
    is_graph_tensor,
    is_shape_inference,
    not_converted,
    outside_of_graphs,
    undifferentiated,
    with_float64,
)
from kerasx.compiler.buckets import round_up
from kerasx.compiler.conversion import exact_tensor
from kerasx.compiler.gradient import custom_gradient
from kerasx.compiler.program import Compiled, compiled, traced_once

__all__ = [
    "Compiled",
    "Explanation",
    "Kernel",
    "compiled",
    "custom_gradient",
    "device",
    "exact_tensor",
    "has_int64",
    "is_concrete",
    "is_eager_step",
    "is_graph_tensor",
    "is_shape_inference",
    "kernel",
    "not_converted",
    "outside_of_graphs",
    "round_up",
    "traced_once",
    "undifferentiated",
    "with_float64",
]


def __dir__() -> list[str]:
    return __all__
