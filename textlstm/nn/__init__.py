"""What training and loading a network takes. The only home of Keras and TensorFlow: other packages import them from here.

Imports: core.
"""
