"""A sweep under way: ask, run, tell, record, resume. Knows names and numbers, not networks."""
