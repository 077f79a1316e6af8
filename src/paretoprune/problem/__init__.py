"""The compression problem: model, data, groups, exact sizes, predicted latency. No training yet."""
