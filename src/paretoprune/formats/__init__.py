"""Export formats: the model as a graph without Python code, for other runtimes.

Each format is a file here; `FORMATS` lists them by the names of `pick format=`.
"""
