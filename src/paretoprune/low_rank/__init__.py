"""Low-rank factorisation: layers as products of two smaller ones, with searched ranks.

Order of calls: `candidates_of` and `layers_with_gain` select layers, `Ranks` rounds ranks,
`factored` replaces layers by pairs, and `merged` does the reverse.
"""
