"""TensorFlow Addons' CRF, run by a Python of its own with TensorFlow 2.15; see `bench_crf`.

It reads lines and answers each with one: `load likelihood inputs.npz` makes a work ready; `run`
does it once and answers with the seconds of wall and of CPU; `value outputs.npz` saves the results.

    python addons_crf.py training batches.npz

trains on the batches of a file, and prints the seconds and the last loss.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa


def likelihood(emissions, transitions, tags, lengths):
    with tf.GradientTape() as tape:
        tape.watch([emissions, transitions])
        found, _ = tfa.text.crf_log_likelihood(emissions, tags, lengths, transitions)
        total = tf.reduce_sum(found)
    return total, *tape.gradient(total, [emissions, transitions])


def viterbi(emissions, transitions, tags, lengths):
    return tfa.text.crf_decode(emissions, transitions, lengths)


def trained(batches, transitions, rate):
    """Train transitions and a projection on batches of any length; the last loss."""
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
            found, _ = tfa.text.crf_log_likelihood(features @ kernel, tags, lengths, transitions)
            loss = -tf.reduce_mean(found)
        for variable, slope in zip(
            (kernel, transitions), tape.gradient(loss, [kernel, transitions]), strict=True
        ):
            variable.assign_sub(rate * tf.convert_to_tensor(slope))
        return loss

    for batch in batches:
        loss = step(*batch)
    return float(loss)


def main(*words):
    if words:
        print(json.dumps(training(words[1])))
        return
    for line in sys.stdin:
        what, *words = line.split()
        if what == "load":
            with np.load(words[1]) as file:
                names = ("emissions", "transitions", "tags", "lengths")
                tensors = [tf.constant(file[name]) for name in names]
            function = tf.function({"likelihood": likelihood, "viterbi": viterbi}[words[0]])
            print("ready", flush=True)
        elif what == "value":
            np.savez(words[0], *[each.numpy() for each in function(*tensors)])
            print("saved", flush=True)
        else:
            wall, cpu = time.perf_counter(), time.process_time()
            for each in function(*tensors):
                each.numpy()
            spent = time.perf_counter() - wall, time.process_time() - cpu
            print(json.dumps(spent), flush=True)


def training(path):
    """Seconds, and the last loss."""
    with np.load(path) as file:
        inputs = dict(file)
    number, rate = int(inputs["number"]), float(inputs["rate"])
    batches = [
        [tf.constant(inputs[f"{name}{place}"]) for name in ("features", "tags", "lengths")]
        for place in range(number)
    ]
    start = time.perf_counter()
    loss = trained(batches, tf.constant(inputs["transitions"]), rate)
    return time.perf_counter() - start, loss


if __name__ == "__main__":
    main(*sys.argv[1:])
