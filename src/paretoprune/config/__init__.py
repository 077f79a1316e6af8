"""Settings: what the YAML under conf/ may say, as frozen dataclasses that check themselves.

One file and one class per config group. They say what is right; `config/load.py` says it to a user
who wrote something else.
"""
