"""Where datasets come from and how texts are made of them. The only home of the network.

Imports: core.
"""
