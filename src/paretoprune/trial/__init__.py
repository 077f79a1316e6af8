"""One trial: dense model, trial context, zero-cost proxy, pruning schedules, execution."""
