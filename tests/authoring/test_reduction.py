"""`reduced` gives what the definition of each of Keras's reductions gives."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.authoring import reduced
from kerasx.testing import Masked

LOSSES = np.array([[1.0, 2.0], [3.0, 5.0]], "float32")
WEIGHT = np.array([[0.5, 0.0], [2.0, 1.5]], "float32")
WEIGHTED = LOSSES * WEIGHT


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        (None, WEIGHTED),
        ("sum", WEIGHTED.sum()),
        ("sum_over_batch_size", WEIGHTED.sum() / 4),
        ("mean_with_sample_weight", WEIGHTED.sum() / WEIGHT.sum()),
    ],
)
def test_reductions(reduction, expected):
    loss = reduced(ops.convert_to_tensor(LOSSES), WEIGHT, reduction=reduction)
    np.testing.assert_allclose(ops.convert_to_numpy(loss), expected)


def test_mask_and_dtype():
    mask = np.array([[True, False], [True, True]])
    losses = Masked()([ops.convert_to_tensor(LOSSES), ops.convert_to_tensor(mask)])
    loss = reduced(losses, reduction="sum_over_batch_size", dtype="float16")
    assert float(loss) == 3
    assert keras.backend.standardize_dtype(loss.dtype) == "float16"
