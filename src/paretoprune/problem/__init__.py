"""The problem of a sweep: model, data, groups, exact sizes, forecast latency. No training yet."""
