"""LSTMs on text: character language models that tell languages apart, and a sentiment model.

The ideas live here, one module each, importable without side effects; `stages/` holds one thin script for each step of the
pipeline. Only `download` talks to the network, only the package `tracking` imports MLflow, only the model and training modules import TensorFlow.
"""
