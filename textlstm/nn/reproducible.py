"""Make TensorFlow repeat itself: the same seed and the same number of threads give the same bytes on the same kind of machine.

Sums are split among threads, so another number of threads rounds differently: that is why it is a parameter.
"""

from textlstm.nn.backend import keras, tf


def set_up(seed: int, threads: int, *, side_by_side: int = 1) -> None:
    """Seed every generator, make TensorFlow's operations deterministic, and fix the number of threads.

    With `side_by_side` above 1, as many operations that do not depend on each other run at once, and share the threads: networks
    side by side then use all cores, where a small one alone could not. Which operation ends first changes no result.

    Call it before any other use of TensorFlow: the threads cannot be changed afterwards.
    """
    at_once = min(side_by_side, threads)
    tf.config.threading.set_intra_op_parallelism_threads(threads // at_once)
    tf.config.threading.set_inter_op_parallelism_threads(at_once)
    keras.utils.clear_session()  # layers that nobody named are numbered from 1 again
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
