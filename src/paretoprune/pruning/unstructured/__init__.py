"""Zeros inside of weights: one by one, N of every M, or in blocks. The shapes stay what they are.

Zeros alone make nothing faster with the kernels that PyTorch runs; they make a file smaller that is
stored compressed.
"""
