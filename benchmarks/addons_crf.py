"""TensorFlow Addons' CRF, run by its own Python with TensorFlow 2.15; see `bench_crf`.

It reads commands and answers each with one line: `load likelihood inputs.npz` prepares a function,
`run` runs it once and prints the seconds of wall-clock and CPU time, `value outputs.npz` saves the
results.
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
        likelihoods, _ = tfa.text.crf_log_likelihood(emissions, tags, lengths, transitions)
        total = tf.reduce_sum(likelihoods)
    return total, *tape.gradient(total, [emissions, transitions])


def viterbi(emissions, transitions, tags, lengths):
    return tfa.text.crf_decode(emissions, transitions, lengths)


def main():
    for line in sys.stdin:
        command, *words = line.split()
        if command == "load":
            with np.load(words[1]) as file:
                names = ("emissions", "transitions", "tags", "lengths")
                tensors = [tf.constant(file[name]) for name in names]
            function = tf.function({"likelihood": likelihood, "viterbi": viterbi}[words[0]])
            print("ready", flush=True)
        elif command == "value":
            np.savez(words[0], *[tensor.numpy() for tensor in function(*tensors)])
            print("saved", flush=True)
        else:
            wall, cpu = time.perf_counter(), time.process_time()
            for tensor in function(*tensors):
                tensor.numpy()
            seconds = time.perf_counter() - wall, time.process_time() - cpu
            print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
