"""What training a network takes, the only home of Keras and TensorFlow; and, without them, what asking a trained one takes.

Imports: core.
"""
