"""Settings: frozen dataclasses that define and validate the values allowed in the YAML under conf/.

One file and one class per config group. The classes define what is valid; `config/load.py` turns
invalid values into messages for the user.
"""
