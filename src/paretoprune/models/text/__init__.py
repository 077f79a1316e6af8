"""Small networks for texts as token ids."""
