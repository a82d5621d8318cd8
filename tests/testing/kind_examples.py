"""Sound and broken optimizers, callbacks and the like: each breaks one promise, and little else."""

import keras
import numpy as np
from keras import ops

from kerasx.compiler import is_concrete
from kerasx.testing import Case

BACKEND = keras.backend.backend()
SOUND: list[tuple[str, Case]] = []
BROKEN: list[tuple[str, Case, set[str], set[str]]] = []


def register(kind, contribution):
    """Register a contribution as a plugin does; callbacks have no configuration."""
    if kind != "callbacks":
        keras.saving.register_keras_serializable("contract")(contribution)


def sound(kind, **case):
    """Decorator: this one keeps every promise."""

    def add(contribution):
        register(kind, contribution)
        SOUND.append((kind, Case(contribution, **case)))
        return contribution

    return add


def breaks(kind, *checks, also=(), registered=True, **case):
    """Decorator: these checks fail for it, those of `also` may, and no other."""

    def add(contribution):
        if registered:
            register(kind, contribution)
        BROKEN.append((kind, Case(contribution, **case), set(checks), set(also)))
        return contribution

    return add


# Optimizers


@sound("optimizers")
@sound("optimizers", arguments={"momentum": 0.5, "learning_rate": 0.1}, name="fast")
class Momentum(keras.Optimizer):
    """Gradient descent with momentum."""

    ignored: tuple[str, ...] = ()

    def __init__(self, learning_rate=0.01, momentum=0.9, name="momentum", **kwargs):
        kept = {option: kwargs.pop(option) for option in self.ignored if option in kwargs}
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum
        self.kept = kept

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.momenta = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient, variable, learning_rate):
        momentum = self.momenta[self._get_variable_index(variable)]
        self.assign(momentum, momentum * self.momentum + ops.cast(gradient, variable.dtype))
        self.assign_sub(variable, momentum * ops.cast(learning_rate, variable.dtype))

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, **self.kept}


@breaks("optimizers", "lowers_the_loss")
class Climbs(Momentum):
    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, -learning_rate)


@breaks("optimizers", "keeps_its_arguments")
class ForgetsThreeArguments(Momentum):
    def __init__(self, learning_rate=0.01, momentum=0.9, damping=0.0, power=1.0, **kwargs):
        super().__init__(learning_rate, momentum, **kwargs)
        self.damping = damping
        self.power = power

    def get_config(self):
        config = super().get_config()
        del config["momentum"]
        return config


@breaks("optimizers", "keeps_its_arguments", also=("resumes",), arguments={"momentum": 0.5})
class DoublesItsMomentum(Momentum):
    def __init__(self, learning_rate=0.01, momentum=0.4, name="momentum", **kwargs):
        super().__init__(learning_rate, 1.1 * momentum, name, **kwargs)


@breaks("optimizers", "keeps_the_options_of_keras")
class ForgetsItsDecay(Momentum):
    def get_config(self):
        config = super().get_config()
        del config["weight_decay"]
        return config


@breaks("optimizers", "weight_decay_shrinks")
class MultipliesByItsDecay(Momentum):
    def __init__(self, learning_rate=0.01, momentum=0.9, name="momentum", weight_decay=0, **kwargs):
        super().__init__(learning_rate, momentum, name, **kwargs)
        self.decay = weight_decay

    def update_step(self, gradient, variable, learning_rate):
        if self.decay:
            gradient = ops.cast(gradient, variable.dtype) * variable * self.decay
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "weight_decay": self.decay}


@breaks("optimizers", "weight_decay_shrinks")
class IgnoresItsDecay(Momentum):
    ignored = ("weight_decay",)


@breaks("optimizers", "gradients_are_clipped")
class IgnoresClipping(Momentum):
    ignored = ("clipnorm",)


@breaks("optimizers", "weights_are_averaged")
class IgnoresAverages(Momentum):
    ignored = ("use_ema",)


@breaks("optimizers", "gradients_are_accumulated")
class IgnoresAccumulation(Momentum):
    ignored = ("gradient_accumulation_steps",)


@breaks("optimizers", "losses_are_scaled")
class IgnoresTheScale(Momentum):
    ignored = ("loss_scale_factor",)


@breaks("optimizers", "follows_schedules")
class KeepsItsFirstRate(Momentum):
    def __init__(self, learning_rate=0.01, momentum=0.9, name="momentum", **kwargs):
        super().__init__(learning_rate, momentum, name, **kwargs)
        self.rate = float(ops.convert_to_numpy(self.learning_rate))

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, self.rate)


@breaks("optimizers", "skips_weights_without_gradients")
class NeedsEveryGradient(Momentum):
    def apply(self, grads, trainable_variables=None):
        for gradient in grads:
            assert gradient.shape
        super().apply(grads, trainable_variables)


@breaks("optimizers", "updates_bfloat16")
class RoundsItsCorrection(Momentum):
    def update_step(self, gradient, variable, learning_rate):
        correction = 1 - ops.cast(0.999, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        super().update_step(gradient * 0.001 / correction, variable, learning_rate)


@breaks("optimizers", "takes_sparse_gradients")
class UpdatesRowsWithoutMomentum(Momentum):
    def update_step(self, gradient, variable, learning_rate):
        if hasattr(gradient, "indices") and BACKEND == "tensorflow":
            self.assign_sub(variable, ops.multiply(gradient, learning_rate))
        else:
            super().update_step(gradient, variable, learning_rate)


@breaks("optimizers", "compiles_as_an_optimizer")
class DiffersInCompiledTraining(Momentum):
    def update_step(self, gradient, variable, learning_rate):
        if not is_concrete(gradient):
            learning_rate = 2 * learning_rate
        super().update_step(gradient, variable, learning_rate)


@breaks("optimizers", "resumes")
class LosesItsMomentum(Momentum):
    def save_own_variables(self, store):
        for place, variable in enumerate(self.variables[:2]):
            store[str(place)] = variable.numpy()

    def load_own_variables(self, store):
        for place, variable in enumerate(self.variables[:2]):
            variable.assign(store[str(place)])


@breaks("optimizers", "trains_in_mixed_precision")
class NamesItsArgumentOtherwise(Momentum):
    def apply(self, grads, variables=None):
        super().apply(grads, variables)


# Schedules


@sound("schedules")
@sound("schedules", arguments={"rate": 0.5}, name="fast")
class Inverse(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that falls with the inverse of the step."""

    def __init__(self, rate=0.1):
        self.rate = rate

    def __call__(self, step):
        return self.rate / (ops.cast(step, "float32") + 1)

    def get_config(self):
        return {"rate": self.rate}


@breaks("schedules", "keeps_its_arguments")
class ForgetsItsRate(Inverse):
    def get_config(self):
        return {}


@breaks("schedules", "gives_rates", also=("drives_an_optimizer",))
class BeginsAtInfinity(Inverse):
    def __call__(self, step):
        return self.rate / ops.sqrt(ops.cast(step, "float32"))


@breaks("schedules", "gives_rates")
class FallsBelowZero(Inverse):
    def __call__(self, step):
        return self.rate - 0.0001 * ops.cast(step, "float32")


@breaks("schedules", "depends_on_the_step_only")
class CountsItsCalls(Inverse):
    calls = 0

    def __call__(self, step):
        self.calls += 1
        return super().__call__(step) * (1 if self.calls < 10 else 0.5)


@breaks("schedules", "drives_an_optimizer")
class BranchesInPython(Inverse):
    def __call__(self, step):
        return super().__call__(step) if step < 3 else 0.01


# Callbacks


@sound("callbacks")
class CountsEpochs(keras.callbacks.Callback):
    """Count the epochs of each call of `fit`."""

    def on_train_begin(self, logs=None):
        self.epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        assert np.isfinite(logs["loss"])


@breaks(
    "callbacks",
    "works_in_fit",
    "works_again",
    "works_without_a_length",
)
class NeedsAnAccuracy(CountsEpochs):
    def on_epoch_end(self, epoch, logs=None):
        self.best = logs["accuracy"]


@breaks("callbacks", "works_in_fit")
class NeedsValidation(CountsEpochs):
    def on_epoch_end(self, epoch, logs=None):
        self.best = logs["val_loss"]


@breaks("callbacks", "works_again")
class RunsOutOfNames(CountsEpochs):
    def __init__(self):
        super().__init__()
        self.names = ["a", "b"]

    def on_epoch_begin(self, epoch, logs=None):
        self.name = self.names.pop()


@breaks("callbacks", "works_in_evaluate_and_predict")
class NeedsTraining(CountsEpochs):
    def on_test_begin(self, logs=None):
        assert self.epochs >= 0


@breaks("callbacks", "works_in_evaluate_and_predict")
class LeavesOtherWeights(CountsEpochs):
    def on_predict_end(self, logs=None):
        self.model.set_weights([2 * weight for weight in self.model.get_weights()])


@breaks("callbacks", "works_without_a_length")
class NeedsALength(CountsEpochs):
    def on_epoch_begin(self, epoch, logs=None):
        self.half = self.params["steps"] // 2


# Initializers


@sound("initializers")
@sound("initializers", arguments={"scale": 0.5, "seed": 3}, name="seeded")
class Spread(keras.Initializer):
    """Uniform numbers from `-scale` to `scale`."""

    def __init__(self, scale=0.1, seed=None):
        self.scale = scale
        self.seed = seed

    def __call__(self, shape, dtype=None):
        return keras.random.uniform(shape, -self.scale, self.scale, dtype, seed=self.seed)

    def get_config(self):
        return {"scale": self.scale, "seed": self.seed}


@sound("initializers")
def halves(shape, dtype=None):
    """Halves."""
    return ops.full(shape, 0.5, dtype)


@breaks("initializers", "keeps_its_arguments")
class ForgetsItsScale(Spread):
    def get_config(self):
        return {"seed": self.seed}


@breaks("initializers", "fills_the_shape", also=("initializes_a_layer",))
class ExchangesTheAxes(Spread):
    def __call__(self, shape, dtype=None):
        return super().__call__(shape[::-1], dtype)


@breaks("initializers", "fills_the_shape")
class HasItsOwnDtype(Spread):
    def __call__(self, shape, dtype=None):
        return super().__call__(shape, "float32")


@breaks("initializers", "a_seed_repeats_it")
class DrawsFromTheClock(Spread):
    def __call__(self, shape, dtype=None):
        return ops.cast(np.random.default_rng().uniform(size=shape), dtype)


@breaks("initializers", "initializes_a_layer", registered=False)
class SpreadUnregistered(Spread):
    pass


# Activations


@sound("activations")
def soft(x, scale=1.0):
    """The positive part, rounded off."""
    return ops.softplus(x * scale)


@breaks("activations", "compiles_as_a_function", also=("gradient_equals_the_slope",))
def differs_when_compiled(x):
    return soft(x) + (0.0 if is_concrete(x) else 1.0)


@breaks("activations", "gradient_is_defined_at_extremes")
def absolute_by_squares(x):
    return ops.sqrt(ops.square(x))


@breaks("activations", "gradient_equals_the_slope")
def stops_half_its_gradient(x):
    return soft(x) + ops.stop_gradient(soft(x))


@breaks("activations", "large_inputs_fit_half_precision")
def gates_by_exponentials(x):
    exponential = ops.exp(ops.minimum(x, 40))
    return x * (exponential / (1 + exponential))


@breaks("activations", "activates_a_layer", registered=False)
def soft_but_unregistered(x):
    return soft(x)


@breaks("activations", "activates_a_layer")
def adds_a_channel(x):
    return ops.pad(soft(x), [(0, 0), (0, 1)])


# Constraints


@sound("constraints", differentiable=False)
class Limit(keras.constraints.Constraint):
    """Keep the entries between two limits."""

    def __init__(self, limit=0.5):
        self.limit = limit

    def __call__(self, w):
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}


@sound("constraints")
def positive(w):
    """The positive part."""
    return ops.relu(w)


@breaks("constraints", "keeps_its_arguments")
class LimitWithoutConfiguration(Limit):
    def get_config(self):
        return {}


@breaks("constraints", "is_a_projection")
class Halve(Limit):
    def __call__(self, w):
        return w * 0.5


@breaks("constraints", "is_defined_at_extremes")
class DividesByTheNorm(Limit):
    def __call__(self, w):
        return w / ops.sqrt(ops.sum(ops.square(w), axis=0, keepdims=True))


@breaks("constraints", "constrains_a_layer", registered=False)
class LimitUnregistered(Limit):
    pass


# Regularizers


@sound("regularizers")
class Ridge(keras.Regularizer):
    """Sum of squares."""

    def __init__(self, strength=0.1):
        self.strength = strength

    def __call__(self, x):
        return self.strength * ops.sum(ops.square(x))

    def get_config(self):
        return {"strength": self.strength}


@sound("regularizers")
def sum_of_sizes(x):
    """Sum of absolute values."""
    return 0.01 * ops.sum(ops.abs(x))


@breaks("regularizers", "keeps_its_arguments", "regularizes_a_layer")
class RidgeWithoutConfiguration(Ridge):
    def get_config(self):
        return keras.Regularizer.get_config(self)


@breaks("regularizers", "regularizes_a_layer")
class PenaltyOfEachRow(Ridge):
    def __call__(self, x):
        return self.strength * ops.sum(ops.square(x), axis=-1)


@breaks("regularizers", "function_works_in_half_precision")
class GoesByLargeNumbers(Ridge):
    def __call__(self, x):
        return ops.sum(ops.square(300 * x)) / 300**2
