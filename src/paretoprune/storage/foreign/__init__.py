"""Files and folders from elsewhere: what they hold is checked before it is used."""
