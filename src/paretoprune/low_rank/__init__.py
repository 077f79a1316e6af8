"""Low-rank factorisation: layers as products of two smaller ones, with searched ranks.

Order of calls: `candidates_of` and `layers_with_gain` select layers, `factored` builds the network
that plans prune, `Ranks` rounds ranks, and `merged` builds the delivered network.
"""
