"""Parts that strategies are made of: each proposes trials of one origin."""
