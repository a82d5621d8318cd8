"""Sound contributions, and broken ones: each breaks one promise, and little else."""

import threading

import keras
import numpy as np
from hypothesis import strategies as st
from keras import ops

import kerasx
from kerasx.compiler import is_concrete
from kerasx.testing import Case, tensors

TORCH = keras.backend.backend() == "torch"
SOUND: list[Case] = []
BROKEN: list[tuple[Case, set[str], set[str]]] = []


def sound(**case):
    """Decorator: this one keeps every promise."""

    def add(contribution):
        SOUND.append(Case(contribution, **case))
        return contribution

    return add


def breaks(*checks, also=(), **case):
    """Decorator: these checks fail for it, those of `also` may, and no other."""

    def add(contribution):
        BROKEN.append((Case(contribution, **case), set(checks), set(also)))
        return contribution

    return add


def features(batch, channels):
    return tensors((batch, channels))


def sequences(batch, time):
    return tensors((batch, time, 4))


def pairs(batch, time):
    return st.tuples(tensors((batch, time)), tensors((batch, time)))


def positive_pairs(batch, time):
    return st.tuples(tensors((batch, time)), tensors((batch, time), low=0.5, high=2))


LAYER = {"inputs": features, "arguments": {"factor": 2.0}, "varies": ("batch",)}
PREDICTS = ("reloads", "exports", "compiles", "copies")


@sound(**LAYER)
@sound(inputs=sequences, arguments={"factor": 2.0}, masked=True, name="masked")
@keras.saving.register_keras_serializable("contract")
class Scale(keras.layers.Layer):
    """Multiply by a weight per channel and a factor."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.supports_masking = True

    def build(self, shape):
        self.kernel = self.add_weight((shape[-1],), initializer="glorot_uniform", name="kernel")

    def call(self, inputs):
        return inputs * self.kernel * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class CannotBeBuilt(Scale):
    """Multiplies its input by a weight, after an error."""

    def build(self, shape):
        raise ValueError(f"the shape {shape} is odd")


def broken_layer(*checks, also=(), **case):
    def add(layer):
        layer = keras.saving.register_keras_serializable("contract")(layer)
        return breaks(*checks, also=also, **{**LAYER, **case})(layer)

    return add


@broken_layer("keeps_its_arguments", "reloads", "copies")
class ForgetsItsArgument(Scale):
    def get_config(self):
        config = super().get_config()
        del config["factor"]
        return config


@broken_layer("knows_its_output", also=("knows_its_output_at_other_ranks",))
class NamesAnotherShape(Scale):
    def compute_output_shape(self, shape):
        return (*shape[:-1], shape[-1] + 1)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)


@broken_layer("compiles", also=("exports",))
class DiffersWhenCompiled(Scale):
    def call(self, inputs):
        return super().call(inputs) + (0.0 if is_concrete(inputs) else 1.0)


@broken_layer("exports", also=PREDICTS)
class ReadsItsBatchSize(Scale):
    def call(self, inputs):
        return super().call(inputs) * (1.0 if inputs.shape[0] else 2.0)


@broken_layer("every_weight_learns")
class HasAnIdleWeight(Scale):
    def build(self, shape):
        super().build(shape)
        self.idle = self.add_weight((1,), name="idle")


@broken_layer("trains")
class ComputesInFullPrecision(Scale):
    def call(self, inputs):
        return ops.cast(super().call(inputs), "float32")


@broken_layer("examples_do_not_leak")
class MixesExamples(Scale):
    def call(self, inputs):
        return super().call(inputs - ops.mean(inputs, axis=0, keepdims=True))


@broken_layer("dimensions_vary")
class RemembersItsBatch(Scale):
    def build(self, shape):
        super().build(shape)
        self.batch = shape[0] or 1

    def call(self, inputs):
        return super().call(inputs) / self.batch


@broken_layer("honours_masks", inputs=sequences, masked=True, varies=None)
class AveragesPadding(Scale):
    def call(self, inputs):
        return super().call(inputs) - ops.mean(inputs, axis=1, keepdims=True)


# Its case does not declare that it respects masks; the layer itself does.
@broken_layer("honours_masks", inputs=sequences, varies=None)
class AveragesPaddingUndeclared(AveragesPadding):
    pass


@broken_layer("honours_masks", inputs=sequences, masked=True, varies=None)
class DropsTheMask(Scale):
    def compute_mask(self, inputs, previous_mask=None):
        return None


@broken_layer(
    "inference_is_repeatable",
    also=(
        "examples_do_not_leak",
        "dimensions_vary",
        "builds_in_a_compiled_step",
        *PREDICTS,
    ),
)
class DrawsInInference(Scale):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs):
        noise = keras.random.uniform(ops.shape(inputs), seed=self.seed_generator)
        return super().call(inputs) + ops.cast(noise, inputs.dtype)


@broken_layer("a_seed_repeats_training", random=True)
class DrawsFromTheClock(Scale):
    generator = np.random.default_rng()

    def call(self, inputs, training=False):
        noise = self.generator.uniform() if training else 0.0
        return super().call(inputs) + ops.cast(noise, inputs.dtype)


# Its case does not declare that it is random.
@broken_layer("a_seed_repeats_training")
class DrawsFromTheClockUndeclared(DrawsFromTheClock):
    pass


@broken_layer("knows_its_output_at_other_ranks")
class InfersMatricesOnly(Scale):
    def compute_output_spec(self, inputs):
        return keras.KerasTensor((inputs.shape[0], inputs.shape[-1]), self.compute_dtype)


@broken_layer("builds_in_a_compiled_step")
class KeepsATensor(Scale):
    def build(self, shape):
        super().build(shape)
        self.double = ops.ones((shape[-1],)) * 2

    def call(self, inputs):
        return super().call(inputs) * ops.cast(self.double, inputs.dtype)


@broken_layer("copies")
class HoldsALock(Scale):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.lock = threading.Lock()

    def __deepcopy__(self, memo):
        raise TypeError(f"cannot copy {self.lock}")


def lists(batch, channels):
    return st.lists(tensors((batch, channels)), min_size=2, max_size=2)


def two_sequences(batch, time):
    return st.lists(tensors((batch, time, 4)), min_size=2, max_size=2)


# Correct code of Keras itself. A list is one argument; `get_config` leaves out what has its default
# value; layers inside have names and a dtype policy of their own.
SOUND += [
    Case(keras.layers.Add, lists, varies=("batch",)),
    Case(keras.layers.Concatenate, two_sequences, name="sequences"),
    Case(keras.layers.Dense, features, {"units": 3}, varies=("batch",)),
    Case(
        keras.layers.TimeDistributed,
        sequences,
        lambda: {"layer": keras.layers.Dense(3)},
        varies=("batch",),
    ),
]


LOSS = {"inputs": pairs}


@sound(inputs=pairs, masked=True, invariances={"exchange": lambda a, b: (b, a)})
@keras.saving.register_keras_serializable("contract")
class Squared(keras.Loss):
    """Squared difference of each position."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * ops.square(y_true - y_pred)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def broken_loss(*checks, also=(), **case):
    def add(loss):
        loss = keras.saving.register_keras_serializable("contract")(loss)
        return breaks(*checks, also=also, **{**LOSS, **case})(loss)

    return add


@broken_loss("keeps_its_arguments", "reloads_with_its_model", arguments={"factor": 2.0})
class ForgetsItsFactor(Squared):
    def get_config(self):
        return {"name": self.name, "reduction": self.reduction}


# Its case gives the argument no value.
@broken_loss("keeps_its_arguments")
class ForgetsItsFactorUnseen(ForgetsItsFactor):
    pass


@broken_loss(
    "reduces",
    "leaves_masked_positions_out",
    "weights_multiply_examples",
    also=("works_in_half_precision", "gradient_is_the_slope"),
    masked=True,
)
class ReducesItself(Squared):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return ops.mean(self.call(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)))


@broken_loss("gradient_is_the_slope")
class StopsTheGradient(Squared):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) + ops.stop_gradient(ops.square(y_pred))


@broken_loss("is_finite_at_extremes", inputs=positive_pairs)
class TakesALogarithm(Squared):
    def call(self, y_true, y_pred):
        return ops.log(y_pred)


@broken_loss("is_invariant", invariances={"reversal": lambda a, b: (a[:, ::-1], b[:, ::-1])})
class CountsPositions(Squared):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) * ops.arange(y_pred.shape[1], dtype=y_pred.dtype)


@sound(**LOSS)
@keras.saving.register_keras_serializable("contract")
def absolute(y_true, y_pred):
    """Absolute difference."""
    return ops.abs(ops.cast(y_true, y_pred.dtype) - y_pred)


# Keras calls it with float32, whatever the predictions are.
@sound(**LOSS)
@keras.saving.register_keras_serializable("contract")
def goes_by_large_squares(y_true, y_pred):
    """Absolute difference, by way of large numbers."""
    return ops.sqrt(1 + ops.square((y_true - y_pred) * 1e3)) / 1e3


@breaks("weights_multiply_examples", **LOSS)
@keras.saving.register_keras_serializable("contract")
def reduces_the_batch(y_true, y_pred):
    return ops.mean(absolute(y_true, y_pred))


@broken_loss("weights_multiply_examples", "reduces", also=("leaves_masked_positions_out",))
class RefusesNoReduction(Squared):
    def call(self, y_true, y_pred):
        if self.reduction is None:
            raise ValueError("None is not a valid reduction")
        losses = super().call(y_true, y_pred)
        return ops.sum(losses) if self.reduction == "sum" else ops.mean(losses)


@broken_loss("works_in_half_precision")
class OverflowsInHalfPrecision(Squared):
    def __call__(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred)
        large = ops.cast(ops.square(y_pred * 1e4), "float32") / 1e8
        y_pred = ops.cast(y_pred, "float32") + ops.stop_gradient(large) * 0
        return super().__call__(y_true, y_pred, sample_weight)


# TensorFlow does not mix float32 and float64.
@sound(**LOSS)
@keras.saving.register_keras_serializable("contract")
class InFloat32Only(Squared):
    """Squared difference times a constant of float32."""

    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) * ops.convert_to_tensor(np.float32(0.5))


@broken_loss("compiles_as_a_loss", also=("reloads_with_its_model",))
class DiffersAsACompiledLoss(Squared):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) + (0.0 if is_concrete(y_pred) else 1.0)


METRIC = {"inputs": pairs}


@sound(**METRIC)
@keras.saving.register_keras_serializable("contract")
class MeanOf(keras.Metric):
    """Mean of the predictions."""

    def __init__(self, name="mean_of", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._direction = "up"
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        values = ops.mean(ops.convert_to_tensor(y_pred), axis=-1)
        weight = ops.ones_like(values)
        if sample_weight is not None:
            weight = ops.cast(sample_weight, values.dtype) * weight
        self.total.assign(self.total + ops.sum(values * weight))
        self.count.assign(self.count + ops.sum(weight))

    def result(self):
        return ops.divide_no_nan(self.total.value, self.count.value)

    def merge_state(self, metrics):
        for metric in metrics:
            self.total.assign(self.total + metric.total)
            self.count.assign(self.count + metric.count)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


def broken_metric(*checks, also=(), **case):
    def add(metric):
        metric = keras.saving.register_keras_serializable("contract")(metric)
        return breaks(*checks, also=also, **{**METRIC, **case})(metric)

    return add


@broken_metric(
    "batches_do_not_matter", also=("workers_merge", "works_in_a_model", "weights_repeat")
)
class MeanOfMaxima(MeanOf):
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign(self.total + ops.max(ops.convert_to_tensor(y_pred)))
        self.count.assign(self.count + 1)


@broken_metric("batches_do_not_matter", also=("workers_merge", "works_in_a_model"))
class MeanOfMeans(MeanOf):
    def update_state(self, y_true, y_pred, sample_weight=None):
        value = ops.mean(ops.convert_to_tensor(y_pred), axis=-1)
        weight = ops.ones_like(value)
        if sample_weight is not None:
            weight = ops.cast(sample_weight, value.dtype)
        self.total.assign(self.total + ops.sum(value * weight) / ops.sum(weight))
        self.count.assign(self.count + 1)


@broken_metric(
    "order_does_not_matter",
    "batches_do_not_matter",
    also=("workers_merge", "works_in_a_model", "weights_repeat"),
)
class FirstOfEach(MeanOf):
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign(self.total + y_pred[0, 0])
        self.count.assign(self.count + 1)


@broken_metric("weights_repeat")
class IgnoresWeights(MeanOf):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred)


@broken_metric("reset_forgets", "works_in_a_model")
class KeepsItsCount(MeanOf):
    def reset_state(self):
        self.total.assign(0)


@broken_metric("callbacks_can_watch_it")
class HasNoDirection(MeanOf):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        del self._direction


@broken_metric("callbacks_can_watch_it", also=("works_in_a_model",))
class LogsAnArray(MeanOf):
    def result(self):
        return ops.stack([super().result(), self.count])


@broken_metric("workers_merge")
class MergesHalf(MeanOf):
    def merge_state(self, metrics):
        for metric in metrics:
            self.total.assign(self.total + metric.total)


@broken_metric("workers_merge")
class AveragesWorkers(MeanOf):
    def merge_state(self, metrics):
        seen = [metric for metric in (self, *metrics) if float(metric.count) > 0]
        total = sum(float(metric.result()) for metric in seen)
        self.total.assign(total)
        self.count.assign(len(seen))


# On PyTorch nothing is compiled, so nothing differs.
@broken_metric(*[] if TORCH else ["works_in_a_model"], also=("keeps_its_arguments",))
class CountsInPython(MeanOf):
    seen = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred, sample_weight)
        if not is_concrete(y_pred):
            self.total.assign(self.total + 1)


def scores(batch):
    return st.tuples(
        tensors((batch,), low=0, high=2).map(np.floor), tensors((batch,), low=0, high=1)
    )


SOUND += [
    Case(keras.metrics.AUC, scores),
    Case(keras.metrics.AUC, scores, {"thresholds": [0.2, 0.5]}, name="thresholds"),
]


def plain_softplus(x, *, scale=1.0):
    return ops.log(1 + ops.exp(x * scale))


KERNEL = {"inputs": features, "arguments": {"scale": 2.0}}


def registered_kernel(function):
    made = kerasx.kernel(static=("scale",), reference=plain_softplus)(function)
    return keras.saving.register_keras_serializable("contract")(made)


@sound(**KERNEL)
@registered_kernel
def softplus(x, *, scale=1.0):
    """Logarithm of one plus the exponential of `x` times `scale`."""
    return ops.softplus(x * scale)


@breaks(
    "equals_its_reference",
    "gradient_equals_its_reference",
    "kernel_works_in_half_precision",
    **KERNEL,
)
@registered_kernel
def forgets_the_scale(x, *, scale=1.0):
    return ops.softplus(x)


@breaks("gradient_equals_its_reference", **KERNEL)
@registered_kernel
def stops_its_gradient(x, *, scale=1.0):
    return ops.stop_gradient(ops.softplus(x * scale))


@breaks("kernel_works_in_half_precision", **KERNEL)
@registered_kernel
def goes_by_large_numbers(x, *, scale=1.0):
    return ops.softplus(x * scale) * 1e5 / 1e5


@breaks("compiles_once_per_bucket", buckets=1, **KERNEL)
@registered_kernel
def compiles_every_length(x, *, scale=1.0):
    return ops.softplus(x * scale)


def bucketed(reference, **options):
    """Decorator: a registered kernel that rounds `time` up."""

    def add(function):
        made = kerasx.kernel(
            reference=reference,
            shapes={"x": "batch time d", "weight": "d", "mask": "bool batch time"},
            bucket={"time": "power_of_two"},
            **options,
        )(function)
        return keras.saving.register_keras_serializable("contract")(made)

    return add


def weighted(batch, time):
    return st.tuples(tensors((batch, time, 2)), tensors((2,), low=0.5))


ROUNDED = {"inputs": weighted}


def plain_mean(x, weight, mask=None):
    return ops.mean(ops.tanh(x * weight), 1)


@sound(buckets=5, **ROUNDED)
@bucketed(plain_mean, returns="batch d", pad={"mask": False})
def mean(x, weight, mask=None):
    """Mean over time of `x` times `weight`, squashed."""
    values = ops.tanh(x * weight)
    if mask is None:
        return ops.mean(values, 1)
    mask = ops.cast(ops.expand_dims(mask, -1), x.dtype)
    return ops.sum(values * mask, 1) / ops.sum(mask, 1)


@breaks(
    *[] if TORCH else ["equals_its_reference"],
    also=(
        "gradient_equals_its_reference",
        "is_a_node_of_models",
        "kernel_works_in_half_precision",
    ),
    **ROUNDED,
)
@bucketed(plain_mean, returns="batch d")
def averages_its_padding(x, weight, mask=None):
    return plain_mean(x, weight)


def plain_length(x, weight, mask=None):
    return ops.sqrt(ops.sum(ops.square(x * weight), -1))


@breaks(*[] if TORCH else ["gradient_equals_its_reference"], **ROUNDED)
@bucketed(plain_length, returns="batch time")
def has_no_slope_where_it_pads(x, weight, mask=None):
    return plain_length(x, weight)


@breaks("returns_what_it_declares", inputs=features)
@keras.saving.register_keras_serializable("contract")
@kerasx.kernel(reference=plain_softplus, shapes={"x": "rows columns"}, returns="columns rows")
def exchanges_its_axes_in_words(x):
    return ops.softplus(x)


def plainly_activated(x, *, activation):
    return activation(x)


@breaks("is_a_node_of_models", inputs=features, arguments={"activation": lambda x: x * 2})
@keras.saving.register_keras_serializable("contract")
@kerasx.kernel(static=("activation",), reference=plainly_activated)
def takes_a_lambda(x, *, activation):
    return activation(x)
