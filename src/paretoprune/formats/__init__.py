"""Export formats: the model as a graph without Python code, for other runtimes.

Each format is a file here with a function of the same name, the name of `pick format=`.
"""
