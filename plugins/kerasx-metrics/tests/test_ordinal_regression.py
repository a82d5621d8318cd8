"""Kappa of predictions that are numbers on the scale of the classes."""

import keras
import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

import kerasx

M = kerasx.metrics


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@given(seed=st.integers(0, 199))
def test_values(weights, dtype, seed):
    random = np.random.default_rng(seed)
    y = random.integers(0, 5, 20)
    predicted = (y + random.normal(0, 1.5, 20)).round(2).astype(dtype)  # also outside of 0 to 4
    predicted[:4] = [0.5, 1.5, -3, 99]
    nearest = np.clip(np.rint(predicted.astype("float64")), 0, 4).astype(int)
    expected = sk.cohen_kappa_score(y, nearest, weights=weights, labels=range(5))
    arguments = {"weights": weights, "num_classes": 5, "regression": True}
    assert M.cohen_kappa(y, predicted, **arguments) == pytest.approx(expected)
    assert M.cohen_kappa(y, predicted[:, None], **arguments) == pytest.approx(expected)


def test_batches(update_in_step):
    y = np.array([0, 1, 2, 3, 4, 4, 0, 1])
    predicted = np.array([0.4, 1.9, 2.2, -1, 9, 3.4, 0.6, 1.2], "float32")
    arguments = {"weights": "quadratic", "num_classes": 5, "regression": True}
    metric = M.CohenKappa(**arguments)
    metric.update_state(y[:3], predicted[:3])
    update_in_step(metric, y[3:], predicted[3:])
    expected = sk.cohen_kappa_score(y, [0, 2, 2, 0, 4, 3, 1, 1], weights="quadratic")
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)


def test_infinity_is_the_last_class_and_nan_is_an_error(update_in_step):
    arguments = {"num_classes": 3, "regression": True}
    assert M.cohen_kappa([0, 2, 1], [-np.inf, np.inf, 1.2], **arguments) == 1
    with pytest.raises(ValueError, match=r"y_pred must hold numbers on the scale .*received NaN"):
        M.cohen_kappa([0, 2, 1], [0.0, np.nan, 1.2], **arguments)
    ignored = M.cohen_kappa([0, -1, 1, 2], [0.0, np.nan, 1.2, 2], ignore_class=-1, **arguments)
    assert ignored == 1
    if keras.backend.backend() == "torch":
        return  # which runs eagerly
    metric = M.CohenKappa(**arguments)
    metric.update_state([0, 1], [0.0, 1.0])
    update_in_step(metric, np.array([0, 1]), np.array([0.0, np.nan], "float32"))
    assert np.isnan(float(metric.result()))


def test_fit_and_reload(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 3)).astype("float32")
    y = np.clip(np.rint(x[:, 0] + 2), 0, 4).astype("int32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    metric = M.CohenKappa(weights="quadratic", num_classes=5, regression=True)
    model.compile("adam", "mse", metrics=[metric])
    model.fit(x, y, batch_size=16, verbose=0)
    logged = model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)["cohen_kappa"]
    nearest = np.clip(np.rint(model.predict(x, verbose=0)[:, 0]), 0, 4)
    expected = sk.cohen_kappa_score(y, nearest, weights="quadratic", labels=range(5))
    assert logged == pytest.approx(expected, rel=1e-5, abs=1e-6)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    again = reloaded.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)["cohen_kappa"]
    assert again == pytest.approx(logged, rel=1e-6, abs=1e-7)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"^cohen_kappa: regression=True needs num_classes"):
        M.CohenKappa(regression=True)
    for other in ({"threshold": 0.5}, {"from_logits": True}):
        with pytest.raises(ValueError, match=r"^cohen_kappa: .* does not apply to regression=True"):
            M.CohenKappa(regression=True, num_classes=3, **other)
    with pytest.raises(ValueError, match=r"^cohen_kappa: regression=True takes one number"):
        M.cohen_kappa([0, 1], [[0.2, 0.8], [0.1, 0.9]], regression=True, num_classes=2)
    with pytest.raises(ValueError, match=r"y_pred must hold labels from 0 to 2.*received 7"):
        M.cohen_kappa([0, 1, 2], [0, 1, 7], regression=True, num_classes=3)
