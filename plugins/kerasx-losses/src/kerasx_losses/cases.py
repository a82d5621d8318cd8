"""Inputs and arguments with which the contract exercises each contribution."""

from __future__ import annotations

import keras
from hypothesis.strategies import SearchStrategy, tuples

from kerasx.testing import Case, labels, tensors
from kerasx_losses.class_weighted import ClassWeighted


def of_integers(batch: int, time: int) -> SearchStrategy:
    """Labels of three classes, and logits."""
    return tuples(labels((batch, time), 3), tensors((batch, time, 3)))


def one_hot(batch: int, height: int, width: int) -> SearchStrategy:
    """One-hot labels of four classes, and logits."""
    shape = (batch, height, width)
    return tuples(labels(shape, 4, "float32", one_hot=True), tensors((*shape, 4)))


def binary(batch: int, time: int) -> SearchStrategy:
    """Binary labels of narrow integers, and logits."""
    return tuples(labels((batch, time, 1), 2, "uint8"), tensors((batch, time, 1)))


WAIVED = {"reduces": 'the weights of classes count in "mean_with_sample_weight"'}

CASES: list[Case] = [
    Case(
        ClassWeighted,
        of_integers,
        {
            "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "class_weight": {0: 3.0, 2: 0.5},
        },
        masked=True,
        waived=WAIVED,
    ),
    Case(
        ClassWeighted,
        one_hot,
        {
            "loss": keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
            "class_weight": [1.0, 2.0, 0.0, 4.0],
        },
        name="one-hot",
        waived=WAIVED,
    ),
    Case(
        ClassWeighted,
        binary,
        {
            "loss": keras.losses.BinaryFocalCrossentropy(from_logits=True),
            # Keras's mean is float32 on PyTorch. Times a power of two it still fits float32, which
            # tells the contract how exact a slope can be.
            "class_weight": {1: 4.0},
        },
        name="binary",
        masked=True,
        waived=WAIVED,
    ),
]
