"""`python -m src.pick NAME`: the front of a sweep, and one model of it, verified and exported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from paretoprune.cli.arguments import find_sweep, options_of
from paretoprune.cli.compose import fail
from paretoprune.config import parse_count
from paretoprune.errors import ParetopruneError, PickError

_USAGE = """usage: python -m src.pick NAME [rule=...] [trial=N] [LIMIT=VALUE ...] [sweeps_dir=...]

Show the front of the sweep NAME, pick a model, verify it, measure it once on the test split and
export it to sweeps/NAME/picked/.

  rule=knee                 the default; or max_accuracy, min_size, fastest, min_macs, ...
  trial=17                  this trial of the front
  max_params=50k            a limit on anything that was measured: max_QUANTITY or min_QUANTITY
  max_accuracy_drop=0.5     at most so many percentage points below the dense model
"""


def main() -> None:
    """Entry point of the command."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_USAGE)
        sys.exit(0 if arguments else 2)
    sys.path.insert(0, str(Path.cwd()))  # the user's own models, for the console script too
    try:
        _run(arguments)
    except ParetopruneError as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _run(arguments: Sequence[str]) -> None:
    name, options = arguments[0], options_of(arguments[1:])
    folder = find_sweep(Path(options.pop("sweeps_dir", "sweeps")), name)
    # The large libraries are imported once the command is known to be right.
    from paretoprune.cli.export import pick_and_export
    from paretoprune.delivery import PickRequest

    rule, trial = options.pop("rule", "knee"), options.pop("trial", None)
    request = PickRequest(
        rule=rule,
        trial=None if trial is None else int(_number("trial", trial)),
        limits={key: _number(key, value) for key, value in options.items()},
    )
    pick_and_export(folder, request)


def _number(key: str, text: str) -> float:
    value = parse_count(text)
    if isinstance(value, float):
        return value
    raise PickError(f"`{key}={text}` must be a number, for example 0.5, 50k or 1.5M")
