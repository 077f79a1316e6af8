"""The lineage of a trial: the trials that its weights stem from, and their total training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paretoprune.results import TrialResult


def lineage(trial: TrialResult, results: Mapping[int, TrialResult]) -> list[TrialResult]:
    """Return the trial's ancestors and itself, starting with the one pruned from the dense model.

    Raises KeyError if an ancestor is not among the results.
    """
    found = [trial]
    while found[0].parent is not None:
        found.insert(0, results[found[0].parent])
    return found


def epochs_in_total(results: Sequence[TrialResult]) -> dict[int, float]:
    """Return the epochs of training in the whole lineage after the dense model, by trial number.

    Duplicates have those of the trial whose metrics they share. Trials with an unknown ancestor are
    left out.
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
