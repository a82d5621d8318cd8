"""Train a CRF on batches of every length in one graph; see `bench_crf`.

    python crf_training.py kerasx batches.npz

prints the seconds, compile time included, and the last loss. With `addons`, the likelihood comes
from TensorFlow Addons; the Python that runs it needs TensorFlow and that package. The time and the
garbage of importing are not counted.
"""

import gc
import json
import os
import sys
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf


def likelihood_of(package):
    """Return a package's function (emissions, tags, lengths, transitions) -> log-likelihoods."""
    if package == "kerasx":
        from kerasx.kernels import crf_log_likelihood

        return lambda emissions, tags, lengths, transitions: crf_log_likelihood(
            emissions, tags, transitions, lengths=lengths
        )
    from tensorflow_addons.text import crf_log_likelihood

    return lambda *arguments: crf_log_likelihood(*arguments)[0]


def trained(batches, transitions, rate, log_likelihood):
    """Train transitions and a projection; return the last loss."""
    units = transitions.shape[0]
    kernel, transitions = tf.Variable(tf.eye(units)), tf.Variable(transitions)
    signature = [
        tf.TensorSpec((None, None, units)),
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None,), tf.int32),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def step(features, tags, lengths):
        with tf.GradientTape() as tape:
            scores = tf.convert_to_tensor(transitions)
            emissions = tf.tensordot(features, kernel, 1)  # as a Dense layer does it
            loss = -tf.reduce_mean(log_likelihood(emissions, tags, lengths, scores))
        slopes = tape.gradient(loss, [kernel, transitions])
        for variable, slope in zip((kernel, transitions), slopes, strict=True):
            variable.assign_sub(rate * tf.convert_to_tensor(slope))
        return loss

    for batch in batches:
        loss = step(*batch)
    return float(loss)


def main(package, path):
    with np.load(path) as file:
        inputs = dict(file)
    batches = [
        [tf.constant(inputs[f"{name}{place}"]) for name in ("features", "tags", "lengths")]
        for place in range(int(inputs["number"]))
    ]
    log_likelihood = likelihood_of(package)
    gc.collect()
    start = time.perf_counter()
    loss = trained(batches, inputs["transitions"], float(inputs["rate"]), log_likelihood)
    print(json.dumps([time.perf_counter() - start, loss]))


if __name__ == "__main__":
    main(*sys.argv[1:])
