"""`paretoprune COMMAND ...`: the commands by their names, their help and the version."""

from __future__ import annotations

import importlib
import sys

from paretoprune.cli.closed_pipe import quiet_on_closed_pipe
from paretoprune.cli.compose import print_version
from paretoprune.cli.display.completion import SHELLS, completion_script
from paretoprune.config.invocation import COMMANDS, in_callers_form
from paretoprune.config.name_patterns import closest

_USAGE = """usage: paretoprune COMMAND [key=value ...]

Search how much to prune from each layer of a trained network.

  paretoprune train         one prune-then-fine-tune run, or with +sweep=resnet a search
  paretoprune inspect       what can be pruned in a network, and what that could save
  paretoprune pick          show the front of a sweep, export models of it
  paretoprune report        rebuild a sweep's report from its folder
  paretoprune compare       lay the fronts of sweeps over one another
  paretoprune latency       running cost of pruned models beside the dense model
  paretoprune ui            open the MLflow UI on localhost

`paretoprune COMMAND --help` describes a command; `paretoprune --version` prints the version.
`eval "$(paretoprune --completion bash)"` completes arguments in the shell; zsh likewise.
"""


@quiet_on_closed_pipe()
def main() -> None:
    """Entry point of the console script: hand the other arguments to the command named first."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in ("--version", "-V"):
        print_version()
    elif name == "--completion":
        _complete(sys.argv[2:])
    elif name in COMMANDS:
        del sys.argv[1]
        importlib.import_module(f"paretoprune.cli.{name}").main()
    elif name in ("", "-h", "--help", "help"):
        print(in_callers_form(_USAGE))
        sys.exit(0 if name else 2)
    else:
        close = closest(name, COMMANDS)
        hint = f"did you mean `{close}`? " if close else ""
        print(
            f"error: there is no command `{name}`; {hint}there are: {', '.join(COMMANDS)}",
            file=sys.stderr,
        )
        sys.exit(2)


def _complete(shells: list[str]) -> None:
    if len(shells) != 1 or shells[0] not in SHELLS:
        sys.exit(f"error: `--completion` takes one of {', '.join(SHELLS)}, got {shells}")
    print(completion_script(shells[0]), end="")
