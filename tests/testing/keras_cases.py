"""Cases of all layers, losses and metrics of Keras itself, which the contract must judge fairly."""

from typing import NamedTuple

import keras
from hypothesis import strategies as st

from kerasx.testing import Case, labels, probabilities, tensors

layers, losses, metrics = keras.layers, keras.losses, keras.metrics


def matrix(batch, channels):
    return tensors((batch, channels))


def sequence(batch, time):
    return tensors((batch, time + 2, 4))


def image(batch, height, width):
    return tensors((batch, height + 3, width + 2, 3))


def volume(batch, depth):
    return tensors((batch, depth + 2, 3, 4, 2))


def bright_image(batch, height, width):
    return tensors((batch, height + 7, width + 6, 3), low=0, high=255)


def frames(rank):
    shape = (4, 5, 3)[:rank]
    return lambda batch, time: tensors((batch, time + 1, *shape, 2))


def two(inputs):
    """Draw a list of two inputs of the same sizes, which is one argument."""
    return lambda batch, channels: st.lists(inputs(batch, channels), min_size=2, max_size=2)


def query_and_value(batch, queries, keys):
    return st.tuples(tensors((batch, queries, 4)), tensors((batch, keys, 4)))


def listed(batch, queries, keys):
    return query_and_value(batch, queries, keys).map(list)


def step_of(states):
    """Draw the input and the state of a recurrent cell of two units."""

    def step(batch):
        state = st.lists(tensors((batch, 2)), min_size=states, max_size=states)
        return st.tuples(tensors((batch, 3)), state)

    return step


def tokens(batch, time):
    return tensors((batch, time), "int32", 0, 5)


def wave(batch):
    return tensors((batch, 600))


def channels_of_waves(batch, channels):
    return tensors((batch, 600, channels))


FIXED = {"varies": ("batch",)}
NO_GRADIENT = {"differentiable": False}

LAYERS = [
    Case(layers.Activation, sequence, {"activation": "tanh"}),
    Case(layers.ActivityRegularization, matrix, {"l1": 0.1, "l2": 0.2}),
    Case(layers.AlphaDropout, sequence, {"rate": 0.4}, random=True),
    Case(layers.Dense, matrix, {"units": 3, "activation": "tanh"}, **FIXED),
    Case(layers.Dropout, sequence, {"rate": 0.4}, random=True),
    Case(layers.ELU, matrix, {"alpha": 0.5}),
    Case(layers.EinsumDense, sequence, {"equation": "bte,ef->btf", "output_shape": (None, 3)}),
    Case(layers.Embedding, tokens, {"input_dim": 5, "output_dim": 3, "mask_zero": True}),
    Case(layers.Flatten, sequence, varies=("batch",)),
    Case(layers.GaussianDropout, sequence, {"rate": 0.4}, random=True),
    Case(layers.GaussianNoise, sequence, {"stddev": 0.4}, random=True),
    Case(layers.Identity, sequence),
    Case(layers.LeakyReLU, matrix, {"negative_slope": 0.2}),
    Case(layers.Masking, sequence, {"mask_value": 0.5}),
    Case(layers.PReLU, matrix, {"alpha_initializer": "ones"}, **FIXED),
    Case(layers.Permute, sequence, {"dims": (2, 1)}),
    Case(layers.ReLU, matrix, {"negative_slope": 0.2, "max_value": 1.5}),
    Case(layers.RepeatVector, matrix, {"n": 3}),
    Case(layers.Reshape, sequence, {"target_shape": (2, -1)}),
    Case(layers.ReversibleEmbedding, tokens, {"input_dim": 5, "output_dim": 3}),
    Case(layers.Softmax, matrix),
    Case(layers.SpatialDropout1D, sequence, {"rate": 0.4}, random=True),
    Case(layers.SpatialDropout2D, image, {"rate": 0.4}, random=True),
    Case(layers.SpatialDropout3D, volume, {"rate": 0.4}, random=True),
    Case(layers.SpectralNormalization, matrix, lambda: {"layer": layers.Dense(3)}, **FIXED),
    Case(layers.BatchNormalization, sequence, {"momentum": 0.9}),
    Case(layers.GroupNormalization, sequence, {"groups": 2}),
    Case(layers.LayerNormalization, sequence),
    Case(layers.RMSNormalization, sequence),
    Case(layers.UnitNormalization, sequence),
    *[
        Case(layer, two(sequence), name="list")
        for layer in (
            layers.Add,
            layers.Average,
            layers.Concatenate,
            layers.Maximum,
            layers.Minimum,
            layers.Multiply,
            layers.Subtract,
        )
    ],
    Case(layers.Dot, two(matrix), {"axes": 1}),
    *[
        Case(getattr(layers, f"{kind}Pooling{rank}D"), inputs, {"pool_size": 2})
        for kind in ("Average", "Max")
        for rank, inputs in ((1, sequence), (2, image), (3, volume))
    ],
    *[
        Case(getattr(layers, f"Global{kind}Pooling{rank}D"), inputs, {"keepdims": True})
        for kind in ("Average", "Max")
        for rank, inputs in ((1, sequence), (2, image), (3, volume))
    ],
    *[
        Case(getattr(layers, f"Adaptive{kind}Pooling{rank}D"), inputs, {"output_size": 2}, **FIXED)
        for kind in ("Average", "Max")
        for rank, inputs in ((1, sequence), (2, image), (3, volume))
    ],
    *[
        Case(getattr(layers, f"{kind}{rank}D"), inputs, arguments)
        for kind, arguments in (
            ("UpSampling", {"size": 2}),
            ("ZeroPadding", {"padding": 1}),
            ("Cropping", {"cropping": 1}),
        )
        for rank, inputs in ((1, sequence), (2, image), (3, volume))
        if (kind, rank) != ("Cropping", 3)
    ],
    Case(layers.Cropping3D, volume, {"cropping": ((1, 0), (0, 1), (1, 1))}),
    *[
        Case(getattr(layers, f"Conv{rank}D{transposed}"), inputs, {"filters": 3, "kernel_size": 2})
        for transposed in ("", "Transpose")
        for rank, inputs in ((1, sequence), (2, image), (3, volume))
    ],
    *[
        Case(getattr(layers, f"{kind}Conv{rank}D"), inputs, arguments)
        for kind, arguments in (
            ("Depthwise", {"kernel_size": 2, "padding": "same"}),
            ("Separable", {"filters": 3, "kernel_size": 2}),
        )
        for rank, inputs in ((1, sequence), (2, image))
    ],
    *[
        Case(
            getattr(layers, f"ConvLSTM{rank}D"),
            frames(rank),
            {"filters": 2, "kernel_size": 2, "padding": "same", "return_sequences": True},
            masked=False,
        )
        for rank in (1, 2, 3)
    ],
    *[
        Case(layer, sequence, {"units": 3, "return_sequences": True}, masked=True)
        for layer in (layers.GRU, layers.LSTM, layers.SimpleRNN)
    ],
    Case(layers.GRUCell, step_of(1), {"units": 2}),
    Case(layers.LSTMCell, step_of(2), {"units": 2}),
    Case(layers.SimpleRNNCell, step_of(1), {"units": 2}),
    Case(
        layers.StackedRNNCells,
        step_of(2),
        lambda: {"cells": [layers.SimpleRNNCell(2), layers.SimpleRNNCell(2)]},
    ),
    Case(layers.RNN, sequence, lambda: {"cell": layers.GRUCell(2)}, masked=True),
    Case(layers.Bidirectional, sequence, lambda: {"layer": layers.GRU(2)}, masked=True),
    Case(layers.TimeDistributed, sequence, lambda: {"layer": layers.Dense(3)}, masked=True),
    Case(layers.AdditiveAttention, listed),
    Case(layers.Attention, listed, {"use_scale": True}),
    Case(layers.MultiHeadAttention, query_and_value, {"num_heads": 2, "key_dim": 3}),
    Case(
        layers.GroupQueryAttention,
        query_and_value,
        {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
    ),
    Case(layers.CategoryEncoding, tokens, {"num_tokens": 5}, **NO_GRADIENT, varies=("batch",)),
    Case(layers.Discretization, matrix, {"bin_boundaries": [-1.0, 0.0, 1.0]}, **NO_GRADIENT),
    Case(layers.Normalization, matrix, {"axis": None, "mean": 0.5, "variance": 2.0}),
    Case(layers.Rescaling, image, {"scale": 0.5, "offset": 1.0}),
    Case(layers.CenterCrop, image, {"height": 3, "width": 2}),
    Case(layers.Resizing, image, {"height": 4, "width": 5}),
    Case(layers.MelSpectrogram, wave, {"sequence_length": 64, "fft_length": 64}, **FIXED),
    Case(
        layers.STFTSpectrogram,
        channels_of_waves,
        {"frame_length": 64, "frame_step": 32, "fft_length": 64},
        **FIXED,
    ),
    *[
        Case(layer, bright_image, arguments, random=True, independent=False, **NO_GRADIENT)
        for layer, arguments in (
            (layers.AugMix, {}),
            (layers.CutMix, {}),
            (layers.MixUp, {}),
            (layers.RandAugment, {}),
            (layers.RandomBrightness, {"factor": 0.5}),
            (layers.RandomColorDegeneration, {"factor": 0.5}),
            (layers.RandomColorJitter, {"brightness_factor": 0.5}),
            (layers.RandomContrast, {"factor": 0.5}),
            (layers.RandomCrop, {"height": 3, "width": 2}),
            (layers.RandomElasticTransform, {"factor": 1.0}),
            (layers.RandomErasing, {"factor": 1.0}),
            (layers.RandomFlip, {}),
            (layers.RandomGaussianBlur, {"factor": 1.0}),
            (layers.RandomGrayscale, {"factor": 0.5}),
            (layers.RandomHue, {"factor": 0.5}),
            (layers.RandomInvert, {"factor": 0.5}),
            (layers.RandomPerspective, {"factor": 1.0}),
            (layers.RandomPosterization, {"factor": 4}),
            (layers.RandomRotation, {"factor": 0.5}),
            (layers.RandomSaturation, {"factor": 0.5}),
            (layers.RandomSharpness, {"factor": 0.5}),
            (layers.RandomShear, {"x_factor": 0.5, "y_factor": 0.5}),
            (layers.RandomTranslation, {"height_factor": 0.5, "width_factor": 0.5}),
            (layers.RandomZoom, {"height_factor": 0.5}),
        )
    ],
    Case(layers.AutoContrast, bright_image, **NO_GRADIENT),
    Case(layers.ContrastLimitedAdaptiveHistogramEqualization, bright_image, **NO_GRADIENT),
    Case(layers.Equalization, bright_image, **NO_GRADIENT),
    Case(layers.Solarization, bright_image, {"addition_factor": 0.2}, **NO_GRADIENT),
    Case(
        layers.Pipeline, image, lambda: {"layers": [layers.Rescaling(0.5), layers.Rescaling(2.0)]}
    ),
    Case(layers.IntegerLookup, tokens, {"vocabulary": [0, 1, 2]}, **NO_GRADIENT),
]
# Without numeric inputs, abstract, or of another library.
OTHER_LAYERS = {
    "FlaxLayer": "wraps a module of Flax",
    "HashedCrossing": "takes strings or integers, and runs on TensorFlow only",
    "Hashing": "takes strings or integers, and runs on TensorFlow only",
    "InputLayer": "has no call",
    "JaxLayer": "wraps a function of JAX",
    "Lambda": "takes a function, which Keras saves as code",
    "Layer": "is abstract",
    "MaxNumBoundingBoxes": "takes bounding boxes",
    "StringLookup": "takes strings",
    "TFSMLayer": "wraps a SavedModel",
    "TextVectorization": "takes strings",
    "TorchModuleWrapper": "wraps a module of PyTorch",
    "Wrapper": "is abstract",
}


def numbers(batch, channels):
    return st.tuples(tensors((batch, channels)), tensors((batch, channels)))


def positive_numbers(batch, channels):
    shape = (batch, channels)
    return st.tuples(tensors(shape, low=0.5, high=2), tensors(shape, low=0.5, high=2))


def classes(batch):
    return st.tuples(labels((batch,), 3), probabilities((batch, 3)))


def one_hot(batch):
    return st.tuples(labels((batch,), 3, "float32", one_hot=True), probabilities((batch, 3)))


def chances(batch, channels):
    shape = (batch, channels)
    return st.tuples(labels(shape, 2, "float32"), tensors(shape, low=0, high=1))


def chance(batch):
    return chances(batch, 1)


def distributions(batch):
    return st.tuples(probabilities((batch, 3)), probabilities((batch, 3)))


def signs(batch, channels):
    shape = (batch, channels)
    return st.tuples(labels(shape, 2, "float32").map(lambda y: 2 * y - 1), tensors(shape))


def texts(batch):
    return st.tuples(labels((batch, 2), 3).map(lambda y: y + 1), tensors((batch, 6, 5)))


def points(batch):
    return st.tuples(labels((batch,), 2), tensors((batch, 4)))


WITHIN = {"extremes": (0.0, 1.0)}
CHANCE = {"inputs": chances, **WITHIN}
LOSSES = [
    Case(losses.BinaryCrossentropy, **CHANCE),
    Case(losses.BinaryFocalCrossentropy, **CHANCE),
    Case(losses.CTC, texts),
    Case(losses.CategoricalCrossentropy, one_hot, {"from_logits": True}),
    Case(losses.CategoricalFocalCrossentropy, one_hot, **WITHIN),
    Case(losses.CategoricalGeneralizedCrossEntropy, classes, **WITHIN),
    Case(losses.CategoricalHinge, one_hot),
    Case(losses.Circle, points, independent=False, extremes=(-1.0, 1.0)),
    Case(losses.CosineSimilarity, numbers),
    Case(losses.Dice, **CHANCE),
    Case(losses.Hinge, signs),
    Case(losses.Huber, numbers, {"delta": 0.5}),
    Case(losses.KLDivergence, distributions, **WITHIN),
    Case(losses.LogCosh, numbers),
    Case(losses.MeanAbsoluteError, numbers),
    Case(losses.MeanAbsolutePercentageError, positive_numbers),
    Case(losses.MeanSquaredError, numbers),
    Case(losses.MeanSquaredLogarithmicError, positive_numbers, extremes=(0.0, 1e4)),
    Case(losses.Poisson, positive_numbers, extremes=(0.0, 1e4)),
    Case(losses.SparseCategoricalCrossentropy, classes, {"from_logits": True}),
    Case(losses.SquaredHinge, signs),
    Case(losses.Tversky, **CHANCE),
    Case(losses.binary_crossentropy, **CHANCE),
    Case(losses.binary_focal_crossentropy, **CHANCE),
    Case(losses.categorical_crossentropy, one_hot, **WITHIN),
    Case(losses.categorical_focal_crossentropy, one_hot, **WITHIN),
    Case(losses.categorical_generalized_cross_entropy, classes, {"q": 0.5}, **WITHIN),
    Case(losses.categorical_hinge, one_hot),
    Case(losses.circle, points, independent=False, extremes=(-1.0, 1.0)),
    Case(losses.cosine_similarity, numbers),
    Case(losses.ctc, texts),
    Case(losses.dice, **CHANCE),
    Case(losses.hinge, signs),
    Case(losses.huber, numbers),
    Case(losses.kl_divergence, distributions, **WITHIN),
    Case(losses.log_cosh, numbers),
    Case(losses.mean_absolute_error, numbers),
    Case(losses.mean_absolute_percentage_error, positive_numbers),
    Case(losses.mean_squared_error, numbers),
    Case(losses.mean_squared_logarithmic_error, positive_numbers, extremes=(0.0, 1e4)),
    Case(losses.poisson, positive_numbers, extremes=(0.0, 1e4)),
    Case(losses.sparse_categorical_crossentropy, classes, **WITHIN),
    Case(losses.squared_hinge, signs),
    Case(losses.tversky, **CHANCE),
]
OTHER_LOSSES = {"Loss": "is abstract"}

METRICS = [
    Case(metrics.AUC, chance),
    Case(metrics.Accuracy, lambda batch: st.tuples(labels((batch,), 3), labels((batch,), 3))),
    Case(metrics.BinaryAccuracy, chance),
    Case(metrics.BinaryCrossentropy, chance),
    Case(metrics.BinaryIoU, chance),
    Case(metrics.CategoricalAccuracy, one_hot),
    Case(metrics.CategoricalCrossentropy, one_hot),
    Case(metrics.CategoricalHinge, one_hot),
    Case(metrics.ConcordanceCorrelation, numbers),
    Case(metrics.CosineSimilarity, numbers),
    Case(metrics.F1Score, one_hot, {"average": "macro"}),
    Case(metrics.FBetaScore, one_hot, {"average": "macro", "beta": 2.0}),
    Case(metrics.FalseNegatives, chance),
    Case(metrics.FalsePositives, chance),
    Case(metrics.Hinge, signs),
    Case(
        metrics.IoU,
        lambda batch: st.tuples(labels((batch,), 3), labels((batch,), 3)),
        {"num_classes": 3, "target_class_ids": [0, 2]},
    ),
    Case(metrics.KLDivergence, distributions),
    Case(metrics.LogCoshError, numbers),
    Case(metrics.MeanAbsoluteError, numbers),
    Case(metrics.MeanAbsolutePercentageError, positive_numbers),
    Case(
        metrics.MeanIoU,
        lambda batch: st.tuples(labels((batch,), 3), labels((batch,), 3)),
        {"num_classes": 3},
    ),
    Case(metrics.MeanSquaredError, numbers),
    Case(metrics.MeanSquaredLogarithmicError, positive_numbers),
    Case(metrics.OneHotIoU, one_hot, {"num_classes": 3, "target_class_ids": [0, 2]}),
    Case(metrics.OneHotMeanIoU, one_hot, {"num_classes": 3}),
    Case(metrics.PearsonCorrelation, numbers),
    Case(metrics.Poisson, positive_numbers),
    Case(metrics.Precision, chance),
    Case(metrics.PrecisionAtRecall, chance, {"recall": 0.5}),
    Case(metrics.R2Score, numbers),
    Case(metrics.Recall, chance),
    Case(metrics.RecallAtPrecision, chance, {"precision": 0.5}),
    Case(metrics.RootMeanSquaredError, numbers),
    Case(metrics.SensitivityAtSpecificity, chance, {"specificity": 0.5}),
    Case(metrics.SparseCategoricalAccuracy, classes),
    Case(metrics.SparseCategoricalCrossentropy, classes),
    Case(metrics.SparseTopKCategoricalAccuracy, classes, {"k": 2}),
    Case(metrics.SpecificityAtSensitivity, chance, {"sensitivity": 0.5}),
    Case(metrics.SquaredHinge, signs),
    Case(metrics.TopKCategoricalAccuracy, one_hot, {"k": 2}),
    Case(metrics.TrueNegatives, chance),
    Case(metrics.TruePositives, chance),
]
OTHER_METRICS = {
    "Mean": "takes values, not labels and predictions",
    "MeanMetricWrapper": "takes a function",
    "Metric": "is abstract",
    "Sum": "takes values, not labels and predictions",
}


class Fault(NamedTuple):
    """A check that classes or functions of Keras fail, and why that is a fault of theirs."""

    names: tuple[str, ...]
    check: str
    why: str
    backends: tuple[str, ...] = ("tensorflow", "jax", "torch")


FAULTS = [
    Fault(
        ("AveragePooling3D",),
        "trains",
        "PyTorch has no such pooling in bfloat16 on a CPU",
        ("torch",),
    ),
    Fault(
        ("STFTSpectrogram",), "trains", "PyTorch has no Fourier transform in bfloat16", ("torch",)
    ),
    Fault(
        ("CategoryEncoding",),
        "keeps_its_arguments",
        "`sparse` is lost: a reloaded layer returns dense tensors",
    ),
    Fault(
        ("CategoryEncoding",),
        "knows_its_output_at_other_ranks",
        "an input of rank 3 is counted over its second axis, which the inferred shape keeps",
    ),
    Fault(
        ("Equalization",),
        "reloads",
        "`compute_output_spec` returns its input, so a functional model has a cycle",
    ),
    Fault(("Equalization",), "compiles", "the same cycle"),
    Fault(("Equalization",), "exports", "the same cycle", ("tensorflow",)),
    Fault(("Equalization",), "copies", "the same cycle"),
    Fault(
        ("MultiHeadAttention", "GroupedQueryAttention"),
        "keeps_its_arguments",
        "`flash_attention` is lost",
    ),
    Fault(
        ("Masking",),
        "honours_masks",
        "a mask that comes with the input is replaced, so earlier padding counts again",
    ),
    Fault(
        ("MelSpectrogram",),
        "knows_its_output_at_other_ranks",
        "waves of several channels are transformed, but the inferred shape has one channel",
    ),
    Fault(
        ("Normalization",),
        "builds_in_a_compiled_step",
        "`build` keeps tensors of `mean` and `variance`, which belong to that step",
    ),
    Fault(("RandomGrayscale", "SimpleRNN"), "keeps_its_arguments", "`seed` is lost"),
    Fault(
        ("RandomShear",),
        "keeps_its_arguments",
        "`get_config` gives the range (-0.5, 0.5) for 0.5, which `__init__` refuses",
    ),
    Fault(("RandomShear",), "reloads", "the same range"),
    Fault(("RandomShear",), "copies", "the same range"),
    Fault(
        ("CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy"),
        "is_finite_at_extremes",
        "the gradient of `p ** q` is infinite for a probability of zero",
    ),
    Fault(
        ("Circle",),
        "reduces",
        "a scalar `sample_weight` cannot be multiplied by the mask of the losses",
        ("torch",),
    ),
    Fault(
        ("CosineSimilarity", "SparseCategoricalCrossentropy"),
        "keeps_its_arguments",
        "`axis` is lost",
    ),
    Fault(
        ("Dice", "Tversky", "dice", "tversky"),
        "weights_multiply_examples",
        "without `axis` they are one number for the whole batch, which each weight multiplies",
    ),
    Fault(("Huber",), "keeps_its_arguments", "`delta` is lost: it returns to 1"),
    Fault(("Huber",), "reloads_with_its_model", "the same: the loss of a reloaded model differs"),
    Fault(
        ("F1Score", "FBetaScore", "R2Score"),
        "reset_forgets",
        "`result()` before the first update raises an `AttributeError`",
    ),
    Fault(
        ("FalseNegatives", "FalsePositives", "TrueNegatives", "TruePositives"),
        "callbacks_can_watch_it",
        "they have no direction, so `EarlyStopping` needs `mode`",
    ),
]


def faults_of(name, backend):
    """Return the checks that a class or function of Keras fails on a backend."""
    return {each.check for each in FAULTS if name in each.names and backend in each.backends}
