"""Make TensorFlow repeat itself: the same seed and number of threads give the same bytes on the same kind of machine.

Sums are split among threads, so another number of threads rounds differently: that is why it is a parameter.
"""

from textlstm.nn.backend import keras, tf


def set_up(seed: int, threads: int, *, inter_op_threads: int = 1) -> None:
    """Seed every generator, make TensorFlow's operations deterministic, and fix the number of threads.

    Call it before any other use of TensorFlow: the threads cannot be changed afterwards.

    Args:
        seed: of every generator.
        threads: in all.
        inter_op_threads: operations that do not depend on each other and run at once, at most `threads`; they share the
            threads. The networks of an ensemble then use all cores, where a small one alone could not. The order in
            which they end changes no result.
    """
    inter_op_threads = min(inter_op_threads, threads)
    tf.config.threading.set_intra_op_parallelism_threads(threads // inter_op_threads)
    tf.config.threading.set_inter_op_parallelism_threads(inter_op_threads)
    keras.utils.clear_session()  # layers that nobody named are numbered from 1 again
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
