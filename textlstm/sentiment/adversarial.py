"""Adversarial training: each batch is learnt as it is, and with its word vectors perturbed so that its loss rises most.

The perturbation is small and goes along the gradient of the loss, so that the answer cannot depend on the exact value
of a word vector: a strong regulariser for a network that would otherwise overfit its reviews (Miyato, Dai and
Goodfellow 2017, arXiv 1605.07725).
"""

from typing import Any

from textlstm.nn.backend import keras, tf
from textlstm.sentiment.tokenizer import PAD

ops = keras.ops


def adversarial_perturbation(gradient: Any, words: Any, length: Any) -> Any:
    """For each review, the perturbation of its word vectors along which its loss rises fastest; zero at padding.

    Args:
        gradient: of the loss by the word vectors, (B * P, T, E).
        words: ids, (B, P, T).
        length: of the perturbation, over all words of a review together.

    Returns:
        Perturbations in float32, (B * P, T, E).
    """
    reviews = ops.shape(words)[0]
    shape = ops.shape(gradient)
    real = ops.cast(ops.reshape(words, (shape[0], shape[1], 1)) != PAD, "float32")
    gradient = ops.reshape(ops.cast(gradient, "float32") * real, (reviews, -1))
    largest = ops.max(ops.abs(gradient), axis=1, keepdims=True) + 1e-30
    gradient = gradient / largest  # avoids underflow for confident examples
    norm = ops.sqrt(ops.sum(ops.square(gradient), axis=1, keepdims=True)) + 1e-6
    return ops.reshape(length * gradient / norm, shape)


class AdversarialTraining(keras.Model):  # type: ignore[misc]
    """Trains a sentiment network, whatever its pooling; the network itself keeps its layers, and is what is saved.

    Args:
        network: as `textlstm.sentiment.lstm_training` builds it.
        length: of the perturbation, in standard deviations of the word vectors in the batch.
    """

    def __init__(self, network: keras.Model, length: float) -> None:
        super().__init__()
        self.network, self.length = network, length
        vectors = network.get_layer("embedding").output
        self.look_up = keras.Model(network.input, vectors)  # (B, P, T) to (B * P, T, E)
        self.judge = keras.Model([vectors, network.input], network.output)

    def call(self, words: Any, training: bool = False) -> Any:
        """Log-odds, as the network gives them."""
        return self.network(words, training=training)

    def train_step(self, data: Any) -> Any:
        """Learn a batch; returns its loss without the perturbation."""
        words, labels = data[:2]
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            vectors = self.look_up(words)
            plain = self.compute_loss(y=labels, y_pred=self.judge([vectors, words], training=True))
        *plain_gradients, gradient = tape.gradient(plain, [*weights, vectors])
        deviation = ops.sqrt(ops.mean(ops.var(ops.cast(vectors, "float32"), axis=(0, 1))))
        perturbation = tf.stop_gradient(adversarial_perturbation(gradient, words, self.length * deviation))
        with tf.GradientTape() as tape:
            vectors = self.look_up(words)
            perturbed = vectors + ops.cast(perturbation, vectors.dtype)
            adversarial = self.compute_loss(y=labels, y_pred=self.judge([perturbed, words], training=True))
        both = zip(plain_gradients, tape.gradient(adversarial, weights), strict=True)
        self.optimizer.apply([(tf.convert_to_tensor(a) + tf.convert_to_tensor(b)) / 2 for a, b in both], weights)
        return {"loss": plain}
