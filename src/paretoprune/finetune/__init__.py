"""Training of networks, and the operations that accompany pruning."""
