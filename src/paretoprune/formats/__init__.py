"""The model as a graph without Python code, in the formats that other runtimes read.

Each format is a file here; `FORMATS` lists them by the names of `pick format=`.
"""
