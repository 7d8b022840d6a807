"""What a fetch stages: records, problems and deletions, and the counts of them that its books have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from airflow_integrations.engine.fetch.incomplete_records import Completed
from airflow_integrations.engine.fetch.pages.listing import ListingWatch
from airflow_integrations.engine.grouped_log import GroupedProblems
from airflow_integrations.engine.segment_lines import (
    Problem,
    encode_deletion,
    encode_fetched,
    encode_fetched_together,
    encode_problem,
)
from airflow_integrations.errors import EntityError
from airflow_integrations.formats import BadRecord
from airflow_integrations.formats.json import NOT_JSON, encode_anyhow
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.reasons import Hiding
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest
from airflow_integrations.staging.segment_writer import SegmentWriter

if TYPE_CHECKING:
    from airflow_integrations.staging.acknowledgement import Acknowledgement

__all__ = ["Intake"]


class Intake:
    """Goes on with what an earlier attempt has staged, as its manifest says."""

    def __init__(self, run: Run, staging: Staging, manifest: Manifest) -> None:
        self._run = run
        # A fetch that begins anew leaves the files of the one before: other routes may be reading them.
        prefix = f"fetch-{manifest.attempt}" if manifest.attempt else "fetch"
        # So does one whose partitions are fetched anew: a task that was given up may still be writing.
        part = f"-p{manifest.part}-{manifest.version}" if manifest.part else ""
        self.writer = SegmentWriter(staging, prefix + part, manifest.segments)
        self.problem_writer = SegmentWriter(staging, f"problems-fetch{part}", manifest.problems)
        self.carried_writer = SegmentWriter(staging, f"carried-{manifest.attempt}{part}", manifest.carried)
        self.answer_writer = SegmentWriter(staging, f"answers{part}", manifest.acknowledgements)
        self.problems, self.waiting = GroupedProblems(), GroupedProblems()
        self.hiding = Hiding(Mask(run.route.mask, entity=run.route.entity.name))
        counts = manifest.counts
        self.fetched = counts.get("fetched", 0)
        self.rejected = counts.get("rejected", 0)
        self.retrying = counts.get("retrying", 0)
        self.deletes = counts.get("deletes_emitted", 0)
        self.superseded = counts.get("superseded", 0)
        """Older states of entities that came several times in events, where only the newest counts."""
        self._taken_over = manifest.entities - self._going_on
        """What goes on to transform beside what was fetched and not rejected; less what was rejected of it."""
        self._deleted: set[str] = set()
        self.gone = 0
        """What neither source nor target have any more, of what details were asked for."""

    @property
    def _going_on(self) -> int:
        return self.fetched - self.rejected - self.superseded - self.retrying

    @property
    def full(self) -> bool:
        return any(writer.full for writer in self._writers)

    @property
    def _writers(self) -> tuple[SegmentWriter, ...]:
        return self.writer, self.problem_writer, self.carried_writer, self.answer_writer

    def close_full(self) -> None:
        """Segments that are full end here."""
        for writer in self._writers:
            if writer.full:
                writer.close_segment()

    def close(self) -> None:
        """What was collected is in segments."""
        for writer in self._writers:
            writer.close_segment()

    def note(self, manifest: Manifest) -> None:
        """Write into the manifest what is in closed segments."""
        manifest.segments, manifest.problems = self.writer.segments, self.problem_writer.segments
        manifest.carried, manifest.acknowledgements = self.carried_writer.segments, self.answer_writer.segments
        if manifest.acknowledgements:
            manifest.answered_pieces, manifest.source_pieces = manifest.pieces_read(), []
        manifest.entities = self._going_on + self._taken_over
        told = {"superseded": self.superseded, "retrying": self.retrying, "deletes_emitted": self.deletes}
        manifest.counts = {
            **manifest.counts,
            "fetched": self.fetched,
            "rejected": self.rejected,
            **{name: count for name, count in told.items() if count},
        }

    def acknowledge(self, answers: Sequence[Acknowledgement]) -> None:
        """Stage what senders are answered."""
        for answer in answers:
            self.answer_writer.add(answer.line())

    def superseded_one(self) -> None:
        """A later state of the entity came, and only that counts."""
        self.fetched += 1
        self.superseded += 1

    def reject_event(self, record: Any, error: EntityError) -> None:
        """What has no usable key."""
        self.reject("", record, error)

    def completed(self, one: Completed, watch: ListingWatch | None = None, again: bool = False) -> None:
        """Stage what became of a thin record."""
        run = self._run
        if watch is not None:
            text = encode_anyhow(one.item.record)
            if not watch.wants(one.key or repr(text), text, again=again):
                return
        if (run.keys is not None and one.key not in run.keys) or (run.limit is not None and self.fetched >= run.limit):
            return
        if one.problem is not None:
            self._keep_problem(one.problem)
        elif one.deleted:
            self._delete(one.key, one.version, one.target_id)
        elif not one.nothing:
            self.stage(one.key, one.version, one.record)
        else:
            self.gone += 1

    def _keep_problem(self, problem: Problem) -> None:
        problem.reason = self.hiding.reason(problem.reason, problem.value)
        self.fetched += 1
        if problem.later is None:
            self.rejected += 1
            self.problems.add(problem.key or "no key", problem.reason)
        else:
            self.retrying += 1
            self.waiting.add(problem.key, problem.reason)
        self.problem_writer.add(encode_problem(problem))

    def _delete(self, key: str, version: str | None, target_id: str | None) -> None:
        """The source says of an entity that it no longer has it."""
        if key in self._deleted:  # a list that is read again says so again
            return
        self._deleted.add(key)
        self.deletes += 1
        self.carried_writer.add(encode_deletion(key, version, target_id))

    def stage(
        self, key: str, version: str | None, record: Any, watch: ListingWatch | None = None, again: bool = False
    ) -> None:
        try:
            line = encode_fetched(key, version, record)
        except NOT_JSON as error:
            from airflow_integrations.formats.unwritable_json import why_not_json

            self.reject(key, record, EntityError(why_not_json(error, record, "the entity")), watch, again)
            return
        if watch is not None and not watch.wants(key, line, again=again):
            return
        self.fetched += 1
        self.writer.add(line)

    def stage_together(self, lines: Sequence[tuple[str, str | None, Raw]]) -> bool:
        """Stage records that are still JSON, each with key and version, at a fraction of what each costs by itself.
        False, and none is staged, where one of them needs a look."""
        block = encode_fetched_together(lines)
        if block is None:
            return False
        self.fetched += len(lines)
        self.writer.add_block(block, len(lines))
        return True

    def reject(
        self, key: str, record: Any, error: EntityError, watch: ListingWatch | None = None, again: bool = False
    ) -> None:
        if watch is not None:
            text = encode_anyhow(record)
            if not watch.wants(key or repr(text), text, again=again):
                return
        self.fetched += 1
        self.rejected += 1
        if type(record) is BadRecord and self.hiding:  # nobody knows where in it the masked fields are
            error, record = EntityError(record.reason.partition(":")[0]), None
        reason = self.hiding.reason(error.reason, record)
        self.problems.add(key or "no key", reason)
        self.problem_writer.add(encode_problem(Problem(key, "fetch", "rejected", reason, error.field, record)))
