"""Recurrences that run over all steps at once, forward and backward.

`linear_recurrence` and the gradients of both its arguments, beside a Keras GRU of that size. The
limit is a copy of the bytes that it must touch: eight tensors of the size of its inputs, five of
which are read and three written. Below that, layers in a step of training as `fit` does it.
On TensorFlow Keras's GRU runs in a graph, because XLA makes it slower. The limit of MinGRU is a
`Dense` layer of as many weights: their product with all inputs, and its gradient, are most of a
step, so no layer of that size is faster beside a GRU than that one.

Layers of the same width do not do the same work. For each step MinGRU multiplies by 128 x 256
weights and has 128 states. LRU has 2.5 times as many weights, 256 x 128 and 128 x 128 besides, and
128 complex states: twice as many numbers, and four products for one. SelectiveSSM has 3.4 times as
many weights, and 16 states for each of 256 channels: 4,096, or 32 times as many, each with an
exponential of its own, which are computed forward and again backward. So it is the slowest, by less
than that factor.
"""

import functools

import exact
import keras
import numpy as np
import ways
from suite import LIMIT, Cannot, Side, Work
from suite import test_memory as test_memory
from suite import test_time as test_time

import kerasx

Size = tuple[int, int, int]
LENGTHS = (64, 512, 2048, 8192)
SIZES = [(16, length, 128) for length in LENGTHS]
GRAPH = "graph" if ways.BACKEND == "tensorflow" else ways.COMPILED


@functools.lru_cache(maxsize=1)
def arrays(*size: int) -> tuple[np.ndarray, ...]:
    """Decays, inputs, and the gradient of the states."""
    random = np.random.default_rng(0)
    decay = random.uniform(0, 1, size)
    return tuple(each.astype("float32") for each in (decay, *random.normal(size=(2, *size))))


def of_kernel(size: Size) -> Side:
    def error(found: list[np.ndarray]) -> float:
        return exact.error(found, exact.linear_recurrence(*arrays(*size)))

    *inputs, upstream = arrays(*size)
    kernel = kerasx.kernels.linear_recurrence
    return ways.side(kernel, inputs, gradients=2, upstream=[upstream], error=error)


def of_gru(size: Size) -> Side:
    if size == SIZES[-1]:
        raise Cannot("takes too long: compared at smaller sizes, and in the next table")
    layer = keras.layers.GRU(size[2], return_sequences=True)
    layer.build(size)
    weights = [keras.ops.convert_to_numpy(each) for each in layer.trainable_variables]
    others = [each.value for each in layer.non_trainable_variables]

    def states(inputs, *weights):
        return layer.stateless_call(weights, others, inputs)[0]

    _, inputs, upstream = arrays(*size)
    inputs = [inputs, *weights]
    return ways.side(states, inputs, gradients=len(inputs), upstream=[upstream], mode=GRAPH)


def of_copy(size: Size) -> Side:
    """Read four tensors and write four: the bytes of five read and three written."""
    return ways.side(lambda x: x * 1.5, [np.concatenate([arrays(*size)[0]] * 4)])


def of_training(layer: str, size: Size) -> Side:
    longest = {"SelectiveSSM": 512, "MinGRU": 8192, "GRU": 8192, "Dense": 8192}.get(layer, 2048)
    if size[1] > longest:
        raise Cannot("takes too long: compared at smaller sizes")
    _, inputs, targets = arrays(*size)
    if layer == "Dense":
        made, targets = keras.layers.Dense(2 * size[2]), np.tile(targets, 2)
    else:
        of = keras.layers if layer == "GRU" else kerasx.layers
        made = getattr(of, layer)(size[2], return_sequences=True)
    model = keras.Sequential([keras.Input(batch_shape=size), made])
    compile_how = {"jit_compile": False} if layer == "GRU" and GRAPH == "graph" else {}
    model.compile("sgd", "mse", **compile_how)
    data = [keras.ops.convert_to_tensor(each) for each in (inputs, targets)]
    return Side(lambda: model.train_on_batch(*data))


LAYERS = ["MinGRU", "MinLSTM", "LRU", "RGLRU", "SelectiveSSM"]
AXES = "batch x time x width"
WORKS = [
    Work(
        "Linear recurrence",
        AXES,
        SIZES,
        {"kerasx": of_kernel, "keras.layers.GRU": of_gru, LIMIT + "copy": of_copy},
        memory=["kerasx"],
    ),
    Work(
        "Training step of recurrent layers",
        AXES,
        SIZES,
        {
            **{f"kerasx {name}": functools.partial(of_training, name) for name in LAYERS},
            "keras.layers.GRU": functools.partial(of_training, "GRU"),
            LIMIT + "keras.layers.Dense": functools.partial(of_training, "Dense"),
        },
        memory=["kerasx MinGRU", "keras.layers.GRU"],
    ),
]
