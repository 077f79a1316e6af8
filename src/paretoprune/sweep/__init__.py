"""The sweep: propose, run, record, resume. The loop handles names and numbers, not networks."""
