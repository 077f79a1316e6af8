"""Numerical errors of an exported quantized model, in words for its card."""

from __future__ import annotations

from dataclasses import replace

from paretoprune.numerics import NumericalErrors, warnings_of
from paretoprune.results.exported import FileFacts


def with_numerics(facts: FileFacts, errors: NumericalErrors | None) -> FileFacts:
    """Return the facts of a file with a sentence on its numerical errors, and warnings."""
    if errors is None:
        return facts
    return replace(facts, numerics=errors.in_words, warnings=tuple(warnings_of(errors)))
