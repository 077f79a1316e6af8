"""One trial: dense model, context, proxy, schedules, run."""
