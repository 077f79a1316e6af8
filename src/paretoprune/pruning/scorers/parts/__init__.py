"""Parts that scorers are built from; none of them is a scorer."""
