"""Low rank: layers as products of two smaller ones, whose ranks are searched like channels.

The way of a network: `candidates_of` and `layers_with_gain` say which layers, `factored` makes the
network that plans cut, `Ranks` rounds, and `merged` makes what is delivered.
"""
