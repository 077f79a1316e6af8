"""Unstructured and semi-structured sparsity: single weights, N of every M, or blocks.

Shapes stay dense. Zeros alone do not speed up PyTorch's dense kernels; they reduce the size of a
compressed file.
"""
