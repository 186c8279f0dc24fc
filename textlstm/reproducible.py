"""Make TensorFlow repeat itself: the same seed and the same number of threads give the same bytes on the same kind of machine.

Sums are split among threads, so another number of threads rounds differently: that is why it is a parameter.
"""

from textlstm.backend import keras, tf


def set_up(seed: int, threads: int) -> None:
    """Seed every generator, make TensorFlow's operations deterministic, and fix the number of threads inside one operation.

    Call it before any other use of TensorFlow: the threads cannot be changed afterwards.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.clear_session()  # layers that nobody named are numbered from 1 again
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
