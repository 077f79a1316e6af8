"""Tasks of users and items: rating and ranking."""
