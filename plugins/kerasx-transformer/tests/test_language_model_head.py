"""Training through what the head attaches to its logits equals training on the logits."""

import keras
import numpy as np
import pytest
from keras import ops

import kerasx
from kerasx.testing.reloading import reloaded

WORDS, CHANNELS, TIME = 11, 6, 5
RANDOM = np.random.default_rng(7)
TOKENS = RANDOM.integers(1, WORDS, (8, TIME)).astype("int32")
TOKENS[3:, 3:] = 0
NEXT = RANDOM.integers(0, WORDS, (8, TIME)).astype("int32")
BACKEND = keras.backend.backend()


def body(mask_zero=False):
    tokens = keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(WORDS, CHANNELS, mask_zero=mask_zero)
    return tokens, embedding, keras.layers.Dense(CHANNELS, "tanh")(embedding(tokens))


def untied(mask_zero=False, **arguments):
    tokens, _, features = body(mask_zero)
    head = kerasx.layers.LanguageModelHead(WORDS, use_bias=True, **arguments)
    return keras.Model(tokens, head(features))


def tied(**arguments):
    tokens, embedding, features = body()
    head = kerasx.layers.LanguageModelHead(embedding=embedding, **arguments)
    return keras.Model(tokens, head(features))


def plain(mask_zero=False):
    tokens, _, features = body(mask_zero)
    return keras.Model(tokens, keras.layers.Dense(WORDS)(features))


class Subclassed(keras.Model):
    """A model that calls the head of another."""

    def __init__(self, model):
        super().__init__()
        self.body = model

    def call(self, tokens):
        return self.body(tokens)


def compiled(model, **options):
    model.compile(
        keras.optimizers.SGD(0.5),
        kerasx.losses.LinearCrossEntropy(ignore_class=3),
        metrics=[
            kerasx.metrics.Perplexity(ignore_class=3, unit="nats"),
            kerasx.metrics.TokenAccuracy(ignore_class=3),
        ],
        **options,
    )
    return model


WAYS = [{"jit_compile": True}, {"run_eagerly": True}] + [{"jit_compile": False}] * (
    BACKEND == "tensorflow"
)
if BACKEND == "torch":
    WAYS = WAYS[1:]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_training_is_that_of_dense_and_sparse_cross_entropy(way):
    ours, theirs = untied(mask_zero=True), plain(mask_zero=True)
    theirs.set_weights(ours.get_weights())
    compiled(ours, **way)
    theirs.compile(
        keras.optimizers.SGD(0.5),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=3),
        run_eagerly=True,
    )
    histories = [
        model.fit(
            TOKENS,
            NEXT,
            batch_size=3,
            epochs=2,
            shuffle=False,
            verbose=0,
            validation_data=(TOKENS, NEXT),
        ).history
        for model in (ours, theirs)
    ]
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-5)
    for actual, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(actual, expected, atol=2e-6)
    logits = ours.predict(TOKENS, verbose=0)
    np.testing.assert_allclose(logits, theirs.predict(TOKENS, verbose=0), atol=1e-5)
    kept = (TOKENS != 0) & (NEXT != 3)
    nats, hits = scores(logits, NEXT)
    values = ours.evaluate(TOKENS, NEXT, batch_size=3, verbose=0, return_dict=True)
    assert values["nats"] == pytest.approx(nats[kept].mean(), rel=1e-5)
    assert values["token_accuracy"] == pytest.approx(hits[kept].mean(), rel=1e-6)


def scores(logits, labels):
    """Negative log-likelihoods and hits, in float64."""
    logits = np.asarray(logits, "float64")
    shifted = logits - logits.max(-1, keepdims=True)
    chosen = np.take_along_axis(shifted, labels[..., None], -1)[..., 0]
    return np.log(np.exp(shifted).sum(-1)) - chosen, logits.argmax(-1) == labels


def test_metrics_of_fit_are_those_of_the_weights_of_each_step():
    """On JAX the metrics of `fit` get a tensor other than the one the head returned."""
    model = untied(mask_zero=True, logit_softcap=2.0)
    nats, hits = scores(model.predict(TOKENS, verbose=0), NEXT)
    compiled(model)
    model.optimizer.learning_rate = 0.0
    history = model.fit(TOKENS, NEXT, batch_size=3, shuffle=False, verbose=0).history
    kept = (TOKENS != 0) & (NEXT != 3)
    assert history["nats"][0] == pytest.approx(nats[kept].mean(), rel=1e-5)
    assert history["token_accuracy"][0] == pytest.approx(hits[kept].mean(), rel=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("style", ["functional", "sequential", "subclassed"])
def test_it_learns_in_every_style_of_model(style, policy):
    keras.utils.set_random_seed(0)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        if style == "sequential":
            embedding = keras.layers.Embedding(WORDS, CHANNELS)
            head = kerasx.layers.LanguageModelHead(embedding=embedding, logit_softcap=9.0)
            model = keras.Sequential([embedding, head])
        else:
            model = tied() if style == "functional" else Subclassed(tied())
    finally:
        keras.config.set_dtype_policy(before)
    compiled(model)
    model.optimizer.learning_rate = 5.0
    losses = model.fit(TOKENS, TOKENS, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0], losses  # so none is NaN


def test_tied_weights_are_one_variable_in_another_process_too(tmp_path):
    model = compiled(tied(logit_softcap=3.0))
    assert len(model.trainable_variables) == 3
    model.fit(TOKENS, NEXT, verbose=0)
    model.save(tmp_path / "model.keras")
    expected = model.predict(TOKENS, verbose=0)
    (actual,) = reloaded(tmp_path / "model.keras", [TOKENS], [])
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    again = keras.models.load_model(tmp_path / "model.keras")
    assert len(again.trainable_variables) == 3
    again.fit(TOKENS, NEXT, verbose=0)
    model.fit(TOKENS, NEXT, verbose=0)
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_layer_after_the_head_is_an_error_in_the_first_step():
    tokens, _, features = body()
    logits = kerasx.layers.LanguageModelHead(WORDS)(features)
    model = compiled(keras.Model(tokens, keras.layers.Softmax()(logits)), run_eagerly=True)
    with pytest.raises(ValueError, match=r"is not what a LanguageModelHead returned.*from_logits"):
        model.fit(TOKENS, NEXT, verbose=0)


@pytest.mark.skipif(BACKEND != "jax", reason="the others keep the tensor")
def test_rematerialisation_is_an_error_in_the_first_step():
    with keras.RematScope(mode="full"):
        model = compiled(untied(), run_eagerly=True)
    with pytest.raises(ValueError, match=r"keras\.RematScope"):
        model.fit(TOKENS, NEXT, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "vocabulary_size must be a positive integer, or embedding"),
        ({"vocabulary_size": 0}, ValueError, "must be a positive integer.*; received 0"),
        ({"embedding": keras.layers.Dense(2)}, TypeError, "must be a keras.layers.Embedding"),
        (
            {"vocabulary_size": 3, "embedding": keras.layers.Embedding(4, 2)},
            ValueError,
            "vocabulary_size is 3, but the embedding has 4 words",
        ),
        ({"vocabulary_size": 3, "logit_softcap": 0.0}, ValueError, "logit_softcap must be"),
    ],
)
def test_arguments_out_of_range(arguments, error, message):
    with pytest.raises(error, match=message):
        kerasx.layers.LanguageModelHead(**arguments)


def test_features_of_another_size_than_the_embedding():
    head = kerasx.layers.LanguageModelHead(embedding=keras.layers.Embedding(4, 2))
    with pytest.raises(ValueError, match=r"the features have 3 channels.*the embedding has 2"):
        head(ops.ones((1, 1, 3)))
