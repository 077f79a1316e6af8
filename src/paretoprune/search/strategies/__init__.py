"""How candidates are chosen. A strategy knows names and numbers, and what came of earlier trials.

All that a strategy decides follows from its settings and the results on record, so that a sweep
that was killed goes on as if it had not been.
"""
