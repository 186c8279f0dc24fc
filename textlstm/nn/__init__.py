"""What training and loading a network takes. The only home of Keras and TensorFlow, which other packages import from here.

Imports: core.
"""
