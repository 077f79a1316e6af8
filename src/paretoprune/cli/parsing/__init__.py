"""Arguments of the commands as text: `key=value` options, and likely meanings of others."""
