"""LSTMs on text: character language models that tell languages apart, and a sentiment model.

Each package below says in its docstring what lives there and what it may import. Nothing happens on import.
"""
