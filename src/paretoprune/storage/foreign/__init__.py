"""Files and folders of other people: their contents are checked before use."""
