"""Data sets that are made on the spot, without download."""
