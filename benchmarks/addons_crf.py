"""TensorFlow Addons' CRF, run by a Python of its own with TensorFlow 2.15; see `bench_crf`.

    python addons_crf.py likelihood inputs.npz

writes a line when it is ready, and for each line that it reads runs once and writes the seconds of
wall and of CPU. `value outputs.npz` instead saves what comes out.
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


def main(work, path):
    with np.load(path) as file:
        inputs = dict(file)
    if work == "training":
        number, rate = int(inputs["number"]), float(inputs["rate"])
        batches = [
            [tf.constant(inputs[f"{name}{place}"]) for name in ("features", "tags", "lengths")]
            for place in range(number)
        ]
        start = time.perf_counter()
        loss = trained(batches, tf.constant(inputs["transitions"]), rate)
        print(json.dumps([time.perf_counter() - start, loss]))
        return
    names = ("emissions", "transitions", "tags", "lengths")
    tensors = [tf.constant(inputs[name]) for name in names]
    function = tf.function({"likelihood": likelihood, "viterbi": viterbi}[work])
    function(*tensors)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.startswith("value"):
            np.savez(line.split()[1], *[each.numpy() for each in function(*tensors)])
            print("saved", flush=True)
            continue
        wall, cpu = time.perf_counter(), time.process_time()
        for each in function(*tensors):
            each.numpy()
        spent = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps(spent), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
