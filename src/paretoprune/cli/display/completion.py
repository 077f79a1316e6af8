"""Completion of commands, variants and names of sweeps in bash and zsh."""

from __future__ import annotations

from paretoprune.config.compose import CONF
from paretoprune.config.invocation import COMMANDS

SHELLS = ("bash", "zsh")
_SCRIPT = """\
_paretoprune() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" words
  case "$COMP_CWORD:${{COMP_WORDS[1]}}" in
    1:*) words="{commands}" ;;
    *:train|*:inspect) words="{variants}" ;;
    *) words="$(find sweeps -mindepth 2 -maxdepth 2 -name config.yaml 2> /dev/null \
      | while read -r file; do basename "$(dirname "$file")"; done)" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
COMP_WORDBREAKS="${{COMP_WORDBREAKS//=/}}"
complete -F _paretoprune paretoprune
"""
_ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


def completion_script(shell: str) -> str:
    """Return a script for `eval` that completes the arguments of `paretoprune` in a shell."""
    script = _SCRIPT.format(commands=" ".join(COMMANDS), variants=" ".join(_variants()))
    return _ZSH + script if shell == "zsh" else script


def _variants() -> list[str]:
    """Return `GROUP=VARIANT` for each config of a group; `+sweep=NAME` for bundles."""
    files = sorted(file for file in CONF.glob("*/*.yaml") if not file.name.startswith("_"))
    named = [f"{file.parent.name}={file.stem}" for file in files]
    return [f"+{name}" if name.startswith("sweep=") else name for name in named]
