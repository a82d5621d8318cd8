"""TensorFlow Addons' CRF, run by a Python of its own with TensorFlow 2.15; see `bench_crf`.

It reads lines and answers each with one: `load likelihood inputs.npz` makes a work ready; `run`
does it once and answers with the seconds of wall and of CPU; `value outputs.npz` saves the results.
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


def main():
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


if __name__ == "__main__":
    main()
