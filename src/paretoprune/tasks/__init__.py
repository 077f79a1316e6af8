"""Tasks: the inputs, the loss and the metrics of a batch."""
