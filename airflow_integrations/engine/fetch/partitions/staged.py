"""What the partitions of a run have staged so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["belongs", "put_together", "staged_partitions", "staged_so_far"]

_SUMMED = ("fetched", "rejected", "retrying", "superseded", "deletes_emitted")
_OF_NONE = " of this run has"
"""Part of what is told of a field that no record has."""


def belongs(partition: Manifest, planned: Manifest) -> bool:
    """Whether a partition was fetched for this plan, and not for an earlier one of the same run."""
    return (partition.attempt, partition.version) == (planned.attempt, planned.version)


def staged_so_far(staging: Staging, planned: Manifest) -> Manifest:
    """What a fetch has staged, with its partitions where it is not complete: for its books, and for people."""
    if planned.complete or not planned.partitions:
        return planned
    return put_together(planned, staged_partitions(staging, planned))


def staged_partitions(staging: Staging, planned: Manifest) -> list[Manifest]:
    numbers = range(1, planned.partitions + 1)
    found = (staging.manifest("fetch", number) for number in numbers)
    return [each for each in found if each is not None and belongs(each, planned)]


def put_together(planned: Manifest, found: Sequence[Manifest]) -> Manifest:
    """The entities of all of them, behind what the plan itself has taken: nothing of the plan changes its place."""
    joined = msgspec.structs.replace(planned)
    counts = Counter({name: count for name, count in planned.counts.items() if name in _SUMMED})
    for each in found:
        counts.update({name: each.counts.get(name, 0) for name in _SUMMED if name in each.counts})
    joined.segments = [*planned.segments, *(segment for each in found for segment in each.segments)]
    joined.problems = [*planned.problems, *(segment for each in found for segment in each.problems)]
    joined.carried = [*planned.carried, *(segment for each in found for segment in each.carried)]
    answers = (segment for each in found for segment in each.acknowledgements)
    joined.acknowledgements = [*planned.acknowledgements, *answers]
    joined.source_pieces = [*planned.source_pieces, *(piece for each in found for piece in each.source_pieces)]
    joined.answered_pieces = [*planned.answered_pieces, *(piece for each in found for piece in each.answered_pieces)]
    joined.entities = planned.entities + sum(each.entities for each in found)
    joined.counts = {**planned.counts, **counts}
    joined.seconds = planned.seconds + max((each.seconds for each in found), default=0.0)
    joined.warnings = _warnings(planned, found)
    joined.unsettled = next((each.unsettled for each in found if each.unsettled), None)
    return joined


def _warnings(planned: Manifest, found: Sequence[Manifest]) -> list[str]:
    """A partition warns of a field that none of its entities has. Whether those of the run have it no partition can
    tell alone: that counts where all say so which have entities."""
    told = list(dict.fromkeys(warning for each in found for warning in each.warnings))
    having = [{_about(warning) for warning in each.warnings} for each in found if each.counts.get("fetched")]
    counts = {_about(warning) for warning in told if all(_about(warning) in some for some in having)}
    kept = [warning for warning in told if _OF_NONE not in warning or _about(warning) in counts]
    return list({_about(warning): warning for warning in [*planned.warnings, *kept]}.values())


def _about(warning: str) -> str:
    """Without what a record has instead, which differs."""
    return warning.partition(_OF_NONE)[0]
