"""Recurrences that run over all steps at once, forward and backward.

The first table compares `linear_recurrence` and the gradients of both its arguments with a Keras
GRU of that size. The limit is a copy of the bytes it must touch: eight tensors of the size of its
inputs, five read and three written. The second table compares layers in a training step as `fit`
runs it. On TensorFlow, Keras's GRU runs in a graph, because XLA makes it slower. The limit of
MinGRU is a `Dense` layer with as many weights: multiplying all inputs by them, and the gradient of
that, make up most of a step. So no layer of that size can beat a GRU by more than `Dense` does.

Layers of the same width do not do the same amount of work. For each step MinGRU multiplies by
128 x 256 weights and has 128 states. LRU has 2.5 times as many weights (another 256 x 128 and
128 x 128) and 128 complex states, which means twice as many numbers and four products instead of
one. SelectiveSSM has 3.4 times as many weights, and 16 states for each of 256 channels: 4,096, or
32 times as many, each with an exponential of its own, which is computed forward and again backward.
So it is the slowest, though by less than that factor.
"""

import functools

import keras
import numpy as np
import references
import transforms
from suite import LIMIT, CannotRun, Contender, Workload
from suite import test_memory as test_memory
from suite import test_time as test_time

import kerasx

Size = tuple[int, int, int]
LENGTHS = (64, 512, 2048, 8192)
SIZES = [(16, length, 128) for length in LENGTHS]
GRAPH = "graph" if transforms.BACKEND == "tensorflow" else transforms.COMPILED


@functools.lru_cache(maxsize=1)
def arrays(*size: int) -> tuple[np.ndarray, ...]:
    """Return decays, inputs, and the gradient of the states."""
    random = np.random.default_rng(0)
    decay = random.uniform(0, 1, size)
    return tuple(x.astype("float32") for x in (decay, *random.normal(size=(2, *size))))


def of_kernel(size: Size) -> Contender:
    def error(outputs: list[np.ndarray]) -> float:
        return references.error(outputs, references.linear_recurrence(*arrays(*size)))

    *inputs, upstream = arrays(*size)
    kernel = kerasx.kernels.linear_recurrence
    return transforms.contender(kernel, inputs, gradients=2, upstream=[upstream], error=error)


def of_gru(size: Size) -> Contender:
    if size == SIZES[-1]:
        raise CannotRun("takes too long: compared at smaller sizes, and in the next table")
    layer = keras.layers.GRU(size[2], return_sequences=True)
    layer.build(size)
    weights = [keras.ops.convert_to_numpy(variable) for variable in layer.trainable_variables]
    others = [variable.value for variable in layer.non_trainable_variables]

    def states(inputs, *weights):
        return layer.stateless_call(weights, others, inputs)[0]

    _, inputs, upstream = arrays(*size)
    inputs = [inputs, *weights]
    return transforms.contender(
        states, inputs, gradients=len(inputs), upstream=[upstream], mode=GRAPH
    )


def of_copy(size: Size) -> Contender:
    """Read four tensors and write four, which moves as much as reading five and writing three."""
    return transforms.contender(lambda x: x * 1.5, [np.concatenate([arrays(*size)[0]] * 4)])


def of_training(layer: str, size: Size) -> Contender:
    longest = {"SelectiveSSM": 512, "MinGRU": 8192, "GRU": 8192, "Dense": 8192}.get(layer, 2048)
    if size[1] > longest:
        raise CannotRun("takes too long: compared at smaller sizes")
    _, inputs, targets = arrays(*size)
    if layer == "Dense":
        recurrent, targets = keras.layers.Dense(2 * size[2]), np.tile(targets, 2)
    else:
        package = keras.layers if layer == "GRU" else kerasx.layers
        recurrent = getattr(package, layer)(size[2], return_sequences=True)
    model = keras.Sequential([keras.Input(batch_shape=size), recurrent])
    settings = {"jit_compile": False} if layer == "GRU" and GRAPH == "graph" else {}
    model.compile("sgd", "mse", **settings)
    data = [keras.ops.convert_to_tensor(array) for array in (inputs, targets)]
    return Contender(lambda: model.train_on_batch(*data))


LAYERS = ["MinGRU", "MinLSTM", "LRU", "RGLRU", "SelectiveSSM"]
AXES = "batch x time x width"
WORKLOADS = [
    Workload(
        "Linear recurrence",
        AXES,
        SIZES,
        {"kerasx": of_kernel, "keras.layers.GRU": of_gru, LIMIT + "copy": of_copy},
        memory=["kerasx"],
    ),
    Workload(
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
