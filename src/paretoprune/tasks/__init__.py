"""Tasks: what a batch means, what the loss is, and what is measured."""
