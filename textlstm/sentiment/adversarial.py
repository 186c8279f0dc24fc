"""Adversarial training: each batch is learnt as it is, and once more with its word vectors moved to where the network errs most.

The step away is short and goes along the gradient of the loss, so the answer may not hang on the exact place of a word vector: a
strong regulariser for a network that would otherwise know its reviews by heart (Miyato, Dai and Goodfellow 2017, arXiv 1605.07725).
"""

from typing import Any

from textlstm.nn.backend import keras, tf
from textlstm.sentiment.tokenizer import PAD

ops = keras.ops


def worst_step(slope: Any, words: Any, length: Any) -> Any:
    """The step of that length, for each review, along which its loss rises fastest; padding stays where it is.

    Args:
        slope: gradient of the loss by the word vectors, (B * P, T, E).
        words: ids, (B, P, T).
        length: of the step, over all words of a review together.

    Returns:
        Steps in float32, (B * P, T, E).
    """
    reviews = ops.shape(words)[0]
    shape = ops.shape(slope)
    real = ops.cast(ops.reshape(words, (shape[0], shape[1], 1)) != PAD, "float32")
    slope = ops.reshape(ops.cast(slope, "float32") * real, (reviews, -1))
    largest = ops.max(ops.abs(slope), axis=1, keepdims=True) + 1e-30  # squares of the slopes of sure answers would be nought
    slope = slope / largest
    norm = ops.sqrt(ops.sum(ops.square(slope), axis=1, keepdims=True)) + 1e-6
    return ops.reshape(length * slope / norm, shape)


class AdversarialTraining(keras.Model):  # type: ignore[misc]
    """Trains a sentiment network, whatever its pooling; the network itself stays as it is, and is what one keeps.

    Args:
        network: as `textlstm.sentiment.lstm` builds it.
        distance: length of the step, in standard deviations of the word vectors in the batch.
    """

    def __init__(self, network: keras.Model, distance: float) -> None:
        super().__init__()
        self.network, self.distance = network, distance
        vectors = network.get_layer("embedding").output
        self.look_up = keras.Model(network.input, vectors)  # (B, P, T) to (B * P, T, E)
        self.judge = keras.Model([vectors, network.input], network.output)

    def call(self, words: Any, training: bool = False) -> Any:
        """Log-odds, as the network gives them."""
        return self.network(words, training=training)

    def train_step(self, data: Any) -> Any:
        """Learn a batch; answers with its loss before the step away."""
        words, labels = data[:2]
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            vectors = self.look_up(words)
            plain = self.compute_loss(y=labels, y_pred=self.judge([vectors, words], training=True))
        *slopes, slope = tape.gradient(plain, [*weights, vectors])
        spread = ops.sqrt(ops.mean(ops.var(ops.cast(vectors, "float32"), axis=(0, 1))))
        step = tf.stop_gradient(worst_step(slope, words, self.distance * spread))
        with tf.GradientTape() as tape:
            vectors = self.look_up(words)
            moved = vectors + ops.cast(step, vectors.dtype)
            worst = self.compute_loss(y=labels, y_pred=self.judge([moved, words], training=True))
        both = zip(slopes, tape.gradient(worst, weights), strict=True)
        self.optimizer.apply([(tf.convert_to_tensor(a) + tf.convert_to_tensor(b)) / 2 for a, b in both], weights)
        return {"loss": plain}
