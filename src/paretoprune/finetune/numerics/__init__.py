"""Memory format, precision and kernels of a training step."""
