"""Code of the user: replaced `_target_`s, and errors that it raises."""
