"""The lineage of a trial: the trials that its weights come from, and their training in total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paretoprune.results import TrialResult


def lineage(trial: TrialResult, results: Mapping[int, TrialResult]) -> list[TrialResult]:
    """The trials that it stems from, the first one from the dense model, and itself at the end.

    Raises KeyError if one of them is not among the results.
    """
    found = [trial]
    while found[0].parent is not None:
        found.insert(0, results[found[0].parent])
    return found


def epochs_in_total(results: Sequence[TrialResult]) -> dict[int, float]:
    """By number, the passes of training in the whole lineage, after that of the dense model.

    Trials without a training of their own (duplicates) have that of the trial whose metrics they
    have. Trials of which a part of the lineage is not on record are left out.
    """
    by_number = {result.number: result for result in results}
    totals: dict[int, float] = {}
    for result in results:
        source = result if result.duplicate_of is None else by_number.get(result.duplicate_of)
        try:
            members = lineage(source, by_number) if source else []
        except KeyError:
            continue
        if members:
            totals[result.number] = sum(member.epochs for member in members)
    return totals
