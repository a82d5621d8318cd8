"""Write the models in this folder; run with kerasx at commit 3ed2442.

    KERAS_BACKEND=tensorflow python write.py

Each function decorated with `example` makes a model and data for it, which are saved under its name
as `NAME.keras` and `NAME.npz`. Together the models hold everything that the plugins contribute. The
arrays of an `.npz` file are

    inputs         what the model takes; `inputs/NAME` if it has several inputs
    predictions    what `predict` returned; `predictions/NAME` for each of several outputs
    labels         what `evaluate` takes; `labels/NAME` if there are several outputs
    sample_weight  what `evaluate` takes, in some files
    results/KEY    the entries of the dictionary that `evaluate` returned, with `batch_size=4`

A model without labels is not for `evaluate`.
"""

import math
import unittest.mock
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras import layers, ops
from kerasx.saved import inspect_model

import kerasx
from kerasx.registry import contributions
from kerasx_sequence import iob2_constraints

Example = tuple[keras.Model, dict[str, Any]]

FOLDER = Path(__file__).parent
EXAMPLES: list[Callable[[], Example]] = []
BATCH, TIME, WORDS = 8, 6, 10
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]

M = kerasx.metrics
K = kerasx.kernels


def example(make: Callable[[], Example]) -> Callable[[], Example]:
    """Have the model that this function makes written."""
    EXAMPLES.append(make)
    return make


def drawn(*shape: int) -> np.ndarray:
    """Random numbers."""
    return np.random.normal(size=shape).astype("float32")


def chosen(low: int, high: int, *shape: int) -> np.ndarray:
    """Random whole numbers from `low` to below `high`."""
    return np.random.randint(low, high, shape).astype("int32")


def kept_steps() -> np.ndarray:
    """Return a mask of a batch of sequences: the first few steps of each count."""
    return np.arange(TIME) < np.random.randint(1, TIME + 1, (BATCH, 1))


def mostly(right: np.ndarray, classes: int) -> np.ndarray:
    """Labels of which three in four or so are these, and the others random."""
    kept = np.random.uniform(size=right.shape) < 0.7
    return np.where(kept, right, chosen(0, classes, *right.shape)).astype("int32")


def vary(model: keras.Model, by: float = 0.3) -> None:
    """Change every weight at random: biases of zero, for one, could be swapped unnoticed."""
    for weight in model.weights:
        if keras.backend.is_float_dtype(weight.dtype):
            weight.assign_add(by * drawn(*weight.shape))


# Metrics


@example
def classifier() -> Example:
    """Every metric of classification, and an optimizer with a state."""
    inputs = keras.Input((3,), name="x")
    model = keras.Model(inputs, layers.Dense(4, "softmax")(inputs))
    labels = np.arange(16) % 4
    x = drawn(4, 3)[labels] + 0.7 * drawn(16, 3)
    model.compile(
        keras.optimizers.Adam(0.05),
        "sparse_categorical_crossentropy",
        metrics=[
            "accuracy",
            M.Accuracy(num_classes=4, name="exact_accuracy"),
            M.AUROC(),
            M.AUROC([0.1, 0.3, 0.6], average=None, name="auroc_at_three"),
            M.AUROC(None, capacity=20, average="weighted", name="auroc_exact"),
            M.AveragePrecision(None, capacity=20, class_id=1),
            M.BalancedAccuracy(),
            M.BrierScore(),
            M.CalibrationError(num_bins=5, norm="l2"),
            M.ClassificationReport(zero_division=1.0, name="report"),
            M.CohenKappa(weights="quadratic"),
            M.ConfusionMatrix(normalize="true"),
            M.ExactMatch(),
            M.F1Score(average="weighted", zero_division=math.nan),
            M.F1Score(average=None, ignore_class=3, name="f1_of_each"),
            M.FBetaScore(beta=2.0),
            M.FBetaScore(beta=math.inf, average="micro", name="f_infinity"),
            M.GeometricMean(),
            M.HammingDistance(),
            M.JaccardIndex(threshold=0.3),
            M.LogLoss(),
            M.MatthewsCorrCoef(),
            M.NegativePredictiveValue(),
            M.Precision(class_id=2),
            M.PrecisionRecallCurve(4),
            M.Recall(top_k=2),
            M.ROC(6, class_id=1),
            M.Specificity(task="multiclass"),
            M.TopKAccuracy(k=2),
        ],
        weighted_metrics=[
            M.F1Score(name="weighted_f1"),
            M.ConfusionMatrix(name="weighted_matrix"),
        ],
    )
    model.fit(x, labels, epochs=20, batch_size=4, verbose=0)
    weight = np.random.uniform(0.5, 2, 16).astype("float32")
    return model, {"inputs": x, "labels": labels, "sample_weight": weight}


@example
def functions() -> Example:
    """Every metric as a function, which `compile` takes and `evaluate` refuses."""
    inputs = keras.Input((3,), name="x")
    model = keras.Model(inputs, layers.Dense(2, "sigmoid")(inputs))
    metrics = [each.object for each in contributions("metrics")]
    model.compile("sgd", "mse", metrics=[each for each in metrics if not isinstance(each, type)])
    return model, {"inputs": drawn(BATCH, 3)}


@example
def topics() -> Example:
    """Two outputs, binary and multilabel, saved with the record of all three plugins."""
    tokens = keras.Input((TIME,), dtype="int32", name="tokens")
    x = layers.Embedding(WORDS, 4)(tokens)
    x = layers.Dense(4, activation=K.entmax15)(kerasx.layers.MinGRU(4)(x))
    urgent = layers.Dense(1, "sigmoid", name="urgent")(x)
    topic = layers.Dense(3, name="topic")(x)
    model = keras.Model(tokens, {"urgent": urgent, "topic": topic})
    vary(model, by=1.0)
    of_topics = {"task": "multilabel", "from_logits": True}
    model.compile(
        "sgd",
        loss={
            "urgent": "binary_crossentropy",
            "topic": keras.losses.BinaryCrossentropy(from_logits=True),
        },
        loss_weights={"urgent": 0.5, "topic": 1.0},
        metrics={
            "urgent": ["accuracy", M.Recall(threshold=0.4), M.CalibrationError(task="binary")],
            "topic": [
                M.F1Score(average="samples", **of_topics),
                M.ConfusionMatrix(**of_topics),
                M.AUROC(None, capacity=16, **of_topics),
            ],
        },
        weighted_metrics={"topic": M.HammingDistance(**of_topics)},
    )
    text = chosen(1, WORDS, BATCH, TIME)
    outputs = model.predict(text, verbose=0)
    urgent, topic = mostly(outputs["urgent"] > 0.5, 2), mostly(outputs["topic"] > 0, 2)
    labels = {"urgent": urgent, "topic": topic}
    return model, {"inputs": text, "labels": labels}


# Kernels


@example
def kernels() -> Example:
    """Every kernel as a node, with static arguments and constants, and as an activation."""
    x = keras.Input((TIME, 4), name="x")
    residual = keras.Input((TIME, 4), name="residual")
    heads = keras.Input((TIME, 2, 4), name="heads")
    words = keras.Input((TIME,), dtype="int32", name="words")
    tags = keras.Input((TIME,), dtype="int32", name="tags")
    size = keras.Input((), dtype="int32", name="size")
    transitions, ends = drawn(4, 4), drawn(4)

    turned = K.rotary_embedding(heads, base=100.0, rotary_dim=2, interleaved=True)
    dense = layers.Dense(4, activation=K.entmax15, bias_initializer="random_normal")
    normalized, total = K.add_rms_norm(x, residual, np.arange(1, 5, dtype="float32"), epsilon=1e-3)
    highest, score = K.top_class(layers.Flatten()(x))
    weight, bias = drawn(4, WORDS), drawn(WORDS)
    loss = K.linear_cross_entropy(
        x, weight, words, ignore_class=3, label_smoothing=0.1, z_loss=0.01, reduction="mean"
    )
    likelihoods, hits = K.linear_token_scores(x, weight, words, bias=bias, logit_softcap=2.0)
    best, best_score = K.crf_decode(
        x,
        transitions,
        lengths=size,
        start=ends,
        end=ends,
        **iob2_constraints(["O", "B-X", "I-X", "B-Y"])._asdict(),
    )
    scanned, last = K.selective_scan(
        x, ops.softplus(residual), -np.exp(drawn(4, 2)), x[..., :2], x[..., 2:], drawn(4), residual
    )
    outputs = {
        "activation": layers.Activation(K.entmax15)(dense(x)),
        "add_rms_norm": normalized,
        "add_rms_norm_total": total,
        "blockwise_attention": K.blockwise_attention(
            turned, heads, heads, causal=True, window=3, segment_ids=tags, logit_softcap=3.0
        ),
        "crf_decode": best,
        "crf_decode_score": best_score,
        "crf_log_likelihood": K.crf_log_likelihood(x, tags, transitions, lengths=size, start=ends),
        "crf_log_partition": K.crf_log_partition(x, transitions, end=ends),
        "crf_marginals": K.crf_marginals(x, transitions, lengths=size),
        "edit_distance": K.edit_distance(tags, words, truth_mask=tags > 0),
        "entmax": K.entmax(x, 1.2, axis=1),
        "entmax15": K.entmax15(x, axis=-1),
        "geglu": K.geglu(x, residual, approximate=True),
        "linear_cross_entropy": loss * ops.ones_like(x[:, 0, 0]),  # `predict` wants a batch
        "linear_recurrence": K.linear_recurrence(
            ops.sigmoid(x), residual, reverse=True, axis=1, initial_state=x[:, 0]
        ),
        "linear_token_scores": likelihoods,
        "linear_token_scores_hits": hits,
        "rotary_embedding": turned,
        "selective_scan": scanned,
        "selective_scan_state": last,
        "soft_dtw": K.soft_dtw(x, residual[:, :4], gamma=0.5),
        "swiglu": K.swiglu(x, residual),
        "top_class": highest,
        "top_class_score": score,
    }
    inputs = [x, residual, heads, words, tags, size]
    model = keras.Model({each.name: each for each in inputs}, outputs)
    return model, {
        "inputs": {
            "x": drawn(BATCH, TIME, 4),
            "residual": drawn(BATCH, TIME, 4),
            "heads": drawn(BATCH, TIME, 2, 4),
            "words": chosen(0, WORDS, BATCH, TIME),
            "tags": chosen(0, 4, BATCH, TIME),
            "size": chosen(1, TIME + 1, BATCH),
        }
    }


# Sequences


@example
def tagger() -> Example:
    """A CRF with constraints, its loss and the metrics of tags and entities."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(WORDS, 4, mask_zero=True)(tokens)
    crf = kerasx.layers.CRF(
        len(TAGS), constraints=iob2_constraints(TAGS), chain_initializer="orthogonal", name="tags"
    )
    model = keras.Model(tokens, crf(x))
    vary(model)
    model.compile(
        "sgd",
        kerasx.losses.CRFLoss(),
        metrics=[
            M.TagAccuracy(),
            M.TagAccuracy(ignore_class=0, name="accuracy_of_entities"),
            M.EntityF1(TAGS, average=None),
            M.EntityF1(TAGS, "IOB2", "strict", "macro", ignore_class=-1, name="strict_f1"),
        ],
        weighted_metrics=[M.SequenceAccuracy(ignore_class=-1)],
    )
    kept = kept_steps()
    text = np.where(kept, chosen(1, WORDS, BATCH, TIME), 0)
    return model, {
        "inputs": text,
        "labels": np.where(kept, mostly(model.predict(text, verbose=0), len(TAGS)), -1),
        "sample_weight": np.random.uniform(0.5, 2, BATCH).astype("float32"),
    }


@example
def transcriber() -> Example:
    """A loss and metrics of sequences that need not be aligned, and a head with its own weights."""
    sound = keras.Input((TIME, 3), name="sound")
    x = kerasx.layers.SelectiveSSM(4, state_units=2, return_sequences=True)(sound)
    pitch = layers.Dense(2, name="pitch")(x)
    head = kerasx.layers.LanguageModelHead(WORDS, use_bias=True, name="words")
    model = keras.Model(sound, {"pitch": pitch, "words": head(x)})
    vary(model)
    model.compile(
        "sgd",
        loss={
            "pitch": kerasx.losses.SoftDTW(gamma=0.5, mask_value=0.0),
            "words": kerasx.losses.LinearCrossEntropy(ignore_class=0),
        },
        metrics={
            "words": [
                M.CharErrorRate(),
                M.EditDistance(),
                M.EditDistance(normalize=True, ignore_class=0, name="share_of_edits"),
                M.SequenceAccuracy(ignore_class=0),
                M.WordErrorRate(ignore_class=0),
                M.Perplexity(ignore_class=0, unit="nats"),
            ]
        },
    )
    x = drawn(BATCH, TIME, 3)
    words = mostly(model.predict(x, verbose=0)["words"].argmax(-1), WORDS)
    true_pitch = np.pad(drawn(BATCH, TIME + 1, 2), ((0, 0), (0, 1), (0, 0)))
    labels = {"pitch": true_pitch, "words": np.where(kept_steps(), words, 0)}
    return model, {"inputs": x, "labels": labels}


@example
def recurrent() -> Example:
    """Every recurrent layer, and every cell in `keras.layers.RNN`; not compiled."""
    inputs = keras.Input((TIME, 4), name="x")
    x = layers.Masking()(inputs)
    whole = {"return_sequences": True}
    parts = {
        "min_gru": kerasx.layers.MinGRU(3, activation="tanh", **whole),
        "min_lstm": kerasx.layers.MinLSTM(
            3, activation=K.entmax15, use_bias=False, zero_output_for_mask=True, **whole
        ),
        "rglru": kerasx.layers.RGLRU(4, go_backwards=True, bias_initializer="ones", **whole),
        "ssm": kerasx.layers.SelectiveSSM(3, state_units=2, expand=1, conv_width=3, dt_rank=2),
        "esn": kerasx.layers.ESN(3, connectivity=0.8, leaky=0.5, spectral_radius=0.7),
        "both_ways": layers.Bidirectional(kerasx.layers.MinGRU(2), merge_mode="sum"),
    }
    cells = {
        "esn_cell": kerasx.layers.ESNCell(2, connectivity=0.9, use_norm2=True, use_bias=False),
        "layer_norm_lstm": kerasx.layers.LayerNormLSTMCell(2, dropout=0.1, norm_epsilon=0.01),
        "layer_norm_simple": kerasx.layers.LayerNormSimpleRNNCell(
            2, activation="relu", gamma_regularizer="l2", gamma_constraint="non_neg"
        ),
        "lru_cell": kerasx.layers.LRUCell(2, state_units=3),
        "min_gru_cell": kerasx.layers.MinGRUCell(2, bias_initializer="ones"),
        "min_lstm_cell": kerasx.layers.MinLSTMCell(2, use_bias=False),
        "nas": kerasx.layers.NASCell(2, projection=3, use_bias=True),
        "peephole_lstm": kerasx.layers.PeepholeLSTMCell(2, recurrent_activation="hard_sigmoid"),
        "rglru_cell": kerasx.layers.RGLRUCell(4),
        "ssm_cell": kerasx.layers.SelectiveSSMCell(2, state_units=2, conv_width=2),
        "zoneout_lstm": kerasx.layers.ZoneoutLSTMCell(2, zoneout_h=0.1, recurrent_dropout=0.1),
        "stacked": [kerasx.layers.MinGRUCell(3), kerasx.layers.PeepholeLSTMCell(2)],
    }
    outputs = {name: layer(x) for name, layer in parts.items()}
    # Without the mask: on JAX, Keras takes the first state for the output at masked steps.
    outputs |= {name: layers.RNN(cell)(inputs) for name, cell in cells.items()}
    lru = kerasx.layers.LRU(
        3, state_units=2, r_min=0.2, r_max=0.9, max_phase=1.0, return_state=True, **whole
    )
    outputs["lru"], outputs["lru_real"], outputs["lru_imaginary"] = lru(x)
    model = keras.Model(inputs, outputs)
    vary(model)
    return model, {"inputs": np.where(kept_steps()[..., None], drawn(BATCH, TIME, 4), 0.0)}


# Language


@example
def language_model() -> Example:
    """Attention with several options, gated blocks, positions, and a head with tied weights."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    embedding = layers.Embedding(WORDS, 4, mask_zero=True)
    x = embedding(tokens)
    rotary = kerasx.layers.RotaryEmbedding(base=100.0, rotary_dim=2, interleaved=True)
    attention = [
        kerasx.layers.MultiHeadAttention(2, 2, alibi=True, attention_axes=1),
        kerasx.layers.MultiHeadAttention(
            2,
            4,
            value_dim=3,
            output_shape=4,
            rotary=rotary,
            dropout=0.1,
            seed=1,
            use_bias=False,
            kernel_regularizer="l2",
            kernel_constraint=keras.constraints.MaxNorm(9.0),
        ),
        kerasx.layers.GroupedQueryAttention(
            2, 4, 2, rotary=True, use_gate=True, sliding_window=3, bias_initializer="ones"
        ),
    ]
    for layer in attention:
        x = x + layer(x, x, use_causal_mask=True)
    x = x + kerasx.layers.SwiGLU(3, kernel_regularizer=keras.regularizers.L2(0.01))(x)
    x = x + kerasx.layers.GeGLU(3, units=4, approximate=True, use_bias=True)(x)

    # Attention that is made of its parts.
    heads = layers.Reshape((-1, 2, 2))(x)
    heads = kerasx.layers.RotaryEmbedding(base=50.0)(heads)
    scores = kerasx.layers.ALiBi()(ops.einsum("bqhd,bkhd->bhqk", heads, heads))
    mixed = ops.einsum("bhqk,bkhd->bqhd", ops.softmax(scores), heads)
    x = x + layers.Reshape((-1, 4))(mixed)

    head = kerasx.layers.LanguageModelHead(embedding=embedding, use_bias=True, logit_softcap=5.0)
    model = keras.Model(tokens, head(x))
    vary(model, by=0.1)
    model.compile(
        "sgd",
        kerasx.losses.LinearCrossEntropy(ignore_class=0, label_smoothing=0.1, z_loss=0.001),
        metrics=[
            M.Perplexity(ignore_class=0),
            M.Perplexity(ignore_class=0, unit="bits", name="bits_of_token"),
            M.TokenAccuracy(ignore_class=0),
        ],
        weighted_metrics=[M.TokenAccuracy(ignore_class=0, name="weighted_accuracy")],
    )
    text = np.where(kept_steps(), chosen(1, WORDS, BATCH, TIME), 0)
    return model, {
        "inputs": text,
        "labels": np.where(text > 0, mostly(model.predict(text, verbose=0).argmax(-1), WORDS), 0),
        "sample_weight": np.random.uniform(0.5, 2, BATCH).astype("float32"),
    }


# Files


class CompactFile(h5py.File):
    """A file in the format of HDF5 1.8, in which many small arrays take a third of the space."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs, libver="v108")


def save(model: keras.Model, path: Path) -> None:
    """Save a model: `topics` by kerasx, as it is, and the others by Keras, in little space."""
    if path.stem == "topics":
        kerasx.save_model(model, path)
    else:
        with unittest.mock.patch.object(h5py, "File", CompactFile):
            model.save(path)


def arrays_of(data: dict[str, Any], prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of nested dictionaries, by their keys joined with `/`; float64 as float32."""
    arrays = {}
    for key, value in data.items():
        if isinstance(value, dict):
            arrays |= arrays_of(value, f"{prefix}{key}/")
        else:
            array = np.asarray(value)
            arrays[prefix + key] = array.astype("float32") if array.dtype == "float64" else array
    return arrays


def write(make: Callable[[], Example]) -> None:
    """Make a model and save it, and its data with what `predict` and `evaluate` make of them."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model, data = make()
    path = FOLDER / f"{make.__name__}.keras"
    save(model, path)
    data["predictions"] = model.predict(data["inputs"], verbose=0)
    if "labels" in data:
        data["results"] = model.evaluate(
            data["inputs"],
            data["labels"],
            batch_size=4,
            sample_weight=data.get("sample_weight"),
            return_dict=True,
            verbose=0,
        )
    np.savez_compressed(path.with_suffix(".npz"), **arrays_of(data))


def main() -> None:
    """Write all files; fail if any of what the plugins contribute is in none of them."""
    if keras.backend.backend() != "tensorflow":
        raise SystemExit("run this with KERAS_BACKEND=tensorflow")
    for make in EXAMPLES:
        write(make)
    models = [inspect_model(path) for path in FOLDER.glob("*.keras")]
    saved_types = {saved.type for model in models for saved in model.objects}
    missing = {contribution.qualified for contribution in contributions()} - saved_types
    if missing:
        raise SystemExit(f"no file holds {sorted(missing)}")


if __name__ == "__main__":
    main()
