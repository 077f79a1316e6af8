"""Configs of folders that the user adds, which may be a stranger's."""
