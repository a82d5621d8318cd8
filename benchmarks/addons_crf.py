"""TensorFlow Addons' CRF, run by its own Python with TensorFlow 2.15; see `bench_crf`."""

import os
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


class Workload:
    """A function of this module on the arrays of a file."""

    def __init__(self, name, inputs):
        with np.load(inputs) as file:
            names = ("emissions", "transitions", "tags", "lengths")
            self.tensors = [tf.constant(file[name]) for name in names]
        self.function = tf.function({"likelihood": likelihood, "viterbi": viterbi}[name])

    def seconds(self):
        """Run once; return the seconds of wall-clock and of CPU time."""
        wall, cpu = time.perf_counter(), time.process_time()
        for tensor in self.function(*self.tensors):
            tensor.numpy()
        return time.perf_counter() - wall, time.process_time() - cpu

    def save(self, outputs):
        """Write the results to a file."""
        np.savez(outputs, *[tensor.numpy() for tensor in self.function(*self.tensors)])
