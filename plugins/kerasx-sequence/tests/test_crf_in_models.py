"""The CRF layer with its loss and metric in standard Keras models."""

import keras
import numpy as np
import pytest
import seqeval.metrics

from kerasx.testing.numerics import as_numpy
from kerasx_sequence import iob2_constraints
from kerasx_sequence.crf import crf_decode, crf_log_likelihood
from kerasx_sequence.crf_layer import CRF
from kerasx_sequence.entities import EntityF1
from kerasx_sequence.losses import CRFLoss
from kerasx_sequence.tag_accuracy import TagAccuracy

BATCH, TIME, WORDS, TAGS = 6, 5, 7, 3


def make_tagger(**options):
    """Make a model of an embedding, with Keras's mask, and a CRF."""
    keras.utils.set_random_seed(0)
    tokens = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(WORDS, 4, mask_zero=True)(tokens)
    tags = CRF(TAGS, name="crf", chain_initializer="orthogonal", **options)(x)
    return keras.Model(tokens, tags)


def make_text(padding="right"):
    """Return tokens padded with zeros, tags that follow from them, -1 if padded, and a mask."""
    random = np.random.default_rng(0)
    lengths = np.array([TIME, 1, 3, 4, 2, TIME])[:, None]
    steps = np.arange(TIME)
    kept = steps < lengths if padding == "right" else steps >= TIME - lengths
    tokens = np.where(kept, random.integers(1, WORDS, (BATCH, TIME)), 0)
    return tokens.astype("int32"), np.where(kept, tokens % TAGS, -1).astype("int32"), kept


def potentials_of(model, tokens):
    crf = model.get_layer("crf")
    embedded = as_numpy(model.layers[1].embeddings)[tokens]
    emissions = embedded @ as_numpy(crf.kernel) + as_numpy(crf.bias)
    return {
        "emissions": emissions,
        "transitions": as_numpy(crf.transitions),
        "start": as_numpy(crf.start),
        "end": as_numpy(crf.end),
    }


def test_trains_evaluates_predicts_and_reloads(tmp_path):
    tokens, tags, kept = make_text()
    model = make_tagger()
    model.compile(keras.optimizers.Adam(0.1), CRFLoss(), metrics=[TagAccuracy()])
    history = model.fit(tokens, tags, epochs=12, batch_size=BATCH, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 3
    values = model.evaluate(tokens, tags, batch_size=BATCH, verbose=0, return_dict=True)
    predicted = model.predict(tokens, batch_size=BATCH, verbose=0)
    potentials = potentials_of(model, tokens)
    expected = -as_numpy(crf_log_likelihood(tags=tags, mask=kept, **potentials)).mean()
    np.testing.assert_allclose(values["loss"], expected, rtol=1e-4, atol=1e-6)
    accuracy = (predicted == tags)[kept].mean()
    np.testing.assert_allclose(values["tag_accuracy"], accuracy, rtol=1e-6)
    np.testing.assert_array_equal(predicted, as_numpy(crf_decode(mask=kept, **potentials)[0]))
    assert accuracy > 0.5
    assert history["tag_accuracy"][0] < accuracy
    model.save(tmp_path / "tagger.keras")
    loaded = keras.models.load_model(tmp_path / "tagger.keras")
    loaded_values = loaded.evaluate(tokens, tags, batch_size=BATCH, verbose=0, return_dict=True)
    np.testing.assert_allclose(list(loaded_values.values()), list(values.values()), rtol=1e-5)


def test_metrics_in_fit_leave_padding_out():
    tokens, tags, kept = make_text()
    labels = np.array(["O", "B-X", "I-X"])
    model = make_tagger()
    model.compile(keras.optimizers.SGD(0.0), CRFLoss(), metrics=[EntityF1(list(labels))])
    history = model.fit(tokens, tags, batch_size=4, shuffle=False, verbose=0).history
    predicted = model.predict(tokens, verbose=0)
    label_lists = [
        [labels[row[mask]].tolist() for row, mask in zip(rows, kept, strict=True)]
        for rows in (tags, predicted)
    ]
    expected = seqeval.metrics.f1_score(*label_lists)
    np.testing.assert_allclose(history["entity_f1"], expected, rtol=1e-6)
    assert 0 < history["entity_f1"][0] < 1


def test_padding_may_come_first():
    tokens, tags, kept = make_text("left")
    model = make_tagger()
    losses = CRFLoss(reduction=None)(tags, model(tokens))
    expected = crf_log_likelihood(tags=tags, mask=kept, **potentials_of(model, tokens))
    np.testing.assert_allclose(as_numpy(losses), -as_numpy(expected), rtol=1e-4, atol=1e-6)
    last_token = np.where(kept, tokens, 0)[1:2, -1:]
    unpadded_loss = CRFLoss()(tags[1:2, -1:], model(last_token))
    np.testing.assert_allclose(as_numpy(losses)[1], as_numpy(unpadded_loss), rtol=1e-4)


def test_predictions_satisfy_the_constraints():
    constraints = iob2_constraints(["O", "B-X", "I-X"])
    tokens, _, kept = make_text()
    model = make_tagger(constraints=constraints)
    crf = model.get_layer("crf")
    crf.start.assign([0.0, 0.0, 3.0])
    crf.transitions.assign(np.where(constraints.allowed, 0.0, 3.0))
    predicted = as_numpy(model(tokens))
    for row, mask in zip(predicted, kept, strict=True):
        row = row[mask]
        assert constraints.allowed_start[row[0]]
        assert constraints.allowed[row[:-1], row[1:]].all()
    free = as_numpy(crf_decode(mask=kept, **potentials_of(model, tokens))[0])
    assert (free != predicted).any()


def test_a_mask_with_holes_is_an_error_and_the_compiled_loss_is_nan():
    tokens, tags, _ = make_text()
    tokens[0, 1] = 0
    model = make_tagger()
    with pytest.raises(ValueError, match="mask must keep steps that are next to each other"):
        CRFLoss()(np.maximum(tags, 0), model(tokens))
    if keras.backend.backend() != "torch":
        model.compile("sgd", CRFLoss())
        assert np.isnan(model.evaluate(tokens, np.maximum(tags, 0), verbose=0))


def test_the_crf_must_be_last():
    tags = CRF(2, use_kernel=False)(np.zeros((1, 3, 2), "float32"))
    with pytest.raises(ValueError, match=r"Make the CRF the last layer .* pass from_logits=True"):
        CRFLoss()([[0, 1, 1]], tags + 0)


def test_emissions_without_a_crf_cost_their_cross_entropy():
    random = np.random.default_rng(0)
    emissions = random.normal(size=(2, 3, 4)).astype("float32")
    tags = random.integers(0, 4, (2, 3))
    losses = CRFLoss(from_logits=True, reduction=None)(tags, emissions)
    expected = keras.losses.sparse_categorical_crossentropy(tags, emissions, from_logits=True)
    np.testing.assert_allclose(as_numpy(losses), as_numpy(expected).sum(1), rtol=1e-5)


def test_each_sequence_has_a_weight():
    emissions = np.zeros((2, 3, 2), "float32")
    tags = np.zeros((2, 3), "int32")
    loss = CRFLoss(from_logits=True, reduction="sum")
    value = loss(tags, emissions, sample_weight=np.array([[1.0], [0.5]]))
    np.testing.assert_allclose(as_numpy(value), 1.5 * 3 * np.log(2), rtol=1e-6)
    with pytest.raises(ValueError, match="a weight for each sequence"):
        loss(tags, emissions, sample_weight=np.ones((2, 3)))


def test_accuracy_respects_weights_and_the_ignored_class():
    metric = TagAccuracy(ignore_class=9)
    metric.update_state([[0, 1, 9]], np.array([[0, 2, 2]]), [[1.0, 3.0, 5.0]])
    metric.update_state([[1], [1]], np.array([[1], [0]]), [2.0, 0.0])
    np.testing.assert_allclose(as_numpy(metric.result()), 3 / 6)
    with pytest.raises(TypeError, match="y_pred must be tags, which are integers"):
        metric.update_state([[0]], np.array([[0.5]], "float32"))
    with pytest.raises(ValueError, match=r"y_true must have shape .*, a label for each sample"):
        metric.update_state([[0]], np.array([[0, 1]]))


def test_accuracy_without_several_ignored_classes():
    random = np.random.default_rng(3)
    y_true, tags = random.integers(0, 4, (2, 5, 6))
    y_true[0, :3] = -100
    metric = TagAccuracy([-100, 2, 300])
    metric.update_state(y_true.astype("int16"), tags)
    kept = ~np.isin(y_true, [-100, 2])
    assert float(metric.result()) == pytest.approx((y_true == tags)[kept].mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 0}, "units must be a positive integer"),
        ({"units": 2, "constraints": iob2_constraints(["O", "B-X", "I-X"])}, "constraints must"),
        ({"units": 2, "use_kernel": False}, "without a kernel the inputs are emissions of 2 tags"),
    ],
)
def test_invalid_arguments_raise(options, message):
    with pytest.raises(ValueError, match=message):
        CRF(**options)(np.zeros((1, 3, 4), "float32"))
