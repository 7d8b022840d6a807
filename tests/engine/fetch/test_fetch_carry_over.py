"""What earlier runs left open goes with the next one, with the payload that was staged then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_kinds import MemoryIncoming

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.staged_payloads import payload_of
from airflow_integrations.engine.outbound_lines import read_outbound
from airflow_integrations.engine.segment_lines import Problem, encode_problem, read_problems
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import Outcome, PayloadRef, RetryWanted, RunRef
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run, find_run
from airflow_integrations.ledger.storage.tables import overlay
from airflow_integrations.outgoing import Outbound
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest
from airflow_integrations.staging.segment_writer import SegmentWriter

MakeRun = Callable[..., Run]


class Earlier:
    """A run that came before: its staged entities, and their fate in the ledger."""

    def __init__(self, run: Run, services: Services, staging: Staging) -> None:
        self.ledger, self.staging, self.now = services.ledger, staging, services.now()
        folder = str(staging.folder)
        self.run_id, window = run.run_id, run.window
        asked: dict[str, Any] = {"kind": "manual", "window": window, "route_hash": "x", "now": self.now}
        self.ref: RunRef = begin_run(self.ledger, "orders", run.run_id, staging=folder, **asked)
        self.window = window.dump()

    def manifest(self, stage: Any, **more: Any) -> None:
        made = Manifest(route="orders", run_id=self.run_id, stage=stage, route_hash="x", window=self.window, **more)
        made.complete = True
        self.staging.save(made)

    def pushed(self, *lines: tuple[Any, ...], carried: Sequence[tuple[Any, ...]] = ()) -> None:
        for stage, some in (("transform", lines), ("carried-0", carried)):
            writer = SegmentWriter(self.staging, stage)
            for line in some:
                writer.add(msgspec.json.encode(line))
                writer.close_segment()
            if stage == "transform":
                self.manifest("transform", segments=writer.segments)
            else:
                self.manifest("fetch", carried=writer.segments, taken=True)

    def rejected(self, *problems: Problem) -> None:
        writer = SegmentWriter(self.staging, "problems-transform")
        for problem in problems:
            writer.add(encode_problem(problem))
        writer.close_segment()
        self.manifest("transform", problems=writer.segments)

    def edited(self, key: str, stage: str, payload: str) -> None:
        edit = {"route_id": self.ref.route_id, "key": key, "stage": stage, "payload": payload, "by": "me", "at": 1}
        with self.ledger.write() as connection:
            connection.execute(overlay.insert().values(**edit))

    def conclude(self, key: str, status: Any, at: int, *, stage: Any = "push", **more: Any) -> None:
        more.setdefault("next_attempt", self.now - 1)
        outcome = Outcome(key=key, status=status, hash="h", payload_stage=stage, payload_at=at, **more)
        conclude(self.ledger, self.ref, [outcome], now=self.now)


@pytest.fixture
def earlier(make_run: MakeRun, services: Services, tmp_path: Path) -> Earlier:
    return Earlier(make_run(run_id="run-0"), services, Staging(tmp_path, "orders", "run-0"))


def carried(staging: Staging) -> list[Outbound]:
    manifest = staging.manifest("fetch")
    assert manifest is not None
    return list(read_outbound(staging.blocks(manifest.carried), "orders"))


def fetched(staging: Staging) -> list[list[Any]]:
    manifest = staging.manifest("fetch")
    assert manifest is not None
    return [msgspec.json.decode(line) for block in staging.blocks(manifest.segments) for line in block.split(b"\n")]


async def test_what_is_due_goes_with_the_next_run_as_it_was_staged(
    make_run: MakeRun, services: Services, staging: Staging, earlier: Earlier
) -> None:
    earlier.pushed(
        ("A", "5", {"n": 1}, {"n": 0}, {"tax": 2}), ("B", "5", {"n": 2}), carried=[("C", "4", {"n": 3}), ("D", None, 4)]
    )
    for at, key in enumerate("ABCD"):
        earlier.conclude(key, "retrying", at, version="7", next_attempt=earlier.now + (60 if key == "B" else -1))
    MemoryIncoming.pages_to_give = [[{"number": "N"}]]
    manifest = await fetch(make_run(), services, staging)
    assert [(one.key, one.version, one.encoded) for one in carried(staging)] == [
        ("A", "5", b'{"n":1}'),
        ("C", "4", b'{"n":3}'),
        ("D", "7", b"4"),
    ]
    assert carried(staging)[0].found == {"tax": 2}
    assert carried(staging)[0].source == {"n": 0}
    assert manifest.counts == {"fetched": 1, "rejected": 0, "carried_in": 3, "failed": 0}
    assert (manifest.entities, [line[0] for line in fetched(staging)]) == (1, ["N"])


async def test_rejected_ones_that_are_retried_begin_again_with_what_the_source_gave(
    make_run: MakeRun, services: Services, staging: Staging, earlier: Earlier
) -> None:
    earlier.rejected(
        Problem("1", "transform", "rejected", "no", value={"mapped": 1}, source={"number": 1, "price": 2}),
        Problem("2", "transform", "rejected", "no", value={"number": 2}),
        Problem("3", "transform", "rejected", "no", value={"nummer": 3}),
        Problem("4a", "transform", "rejected", "no", value={"line": 1}, source={"number": 4}),
        Problem("4b", "transform", "rejected", "no", value={"line": 2}, source={"number": 4}),
    )
    for at, key in enumerate(["1", "2", "3", "4a", "4b"]):
        earlier.conclude(key, "rejected", at, stage="problems-transform", next_attempt=None)
    MemoryIncoming.pages_to_give = [[{"number": "N"}]]
    run = make_run(retry=RetryWanted(statuses=frozenset({"rejected"})))
    manifest = await fetch(run, services, staging)
    assert MemoryIncoming.asked == [], "the source is not asked"
    records = {line[0]: line[2] for line in fetched(staging)}
    assert records == {"1": {"number": 1, "price": 2}, "2": {"number": 2}, "4": {"number": 4}}
    assert manifest.counts == {"fetched": 0, "rejected": 1, "carried_in": 4, "failed": 0}
    assert manifest.entities == 3
    ref = find_run(services.ledger, "orders", "run-1")
    assert ref is not None
    known = reserve(services.ledger, ref, ["3", "4a"], first=0, lease_until=0, now=services.now()).known
    assert {key: one.status for key, one in known.items()} == {"3": "rejected", "4a": "pending"}


async def test_what_a_person_has_edited_goes_out_instead(
    make_run: MakeRun, services: Services, staging: Staging, earlier: Earlier
) -> None:
    earlier.pushed(("A", "5", {"n": 1}, {"s": 1}))
    earlier.conclude("A", "retrying", 0)
    earlier.edited("A", "push", '{"n": 1.10}')
    await fetch(make_run(), services, staging)
    (one,) = carried(staging)
    assert (one.encoded, one.source) == (b'{"n":1.10}', {"s": 1})


@pytest.mark.parametrize(("edited", "goes"), [(2, 8), (8, 80), (9, 90)])
async def test_an_edit_of_a_state_that_a_newer_one_has_replaced_is_not_used(
    make_run: MakeRun, services: Services, staging: Staging, earlier: Earlier, edited: int, goes: int
) -> None:
    """Else it would be superseded by what it stands for, which would be due for ever."""
    earlier.rejected(Problem("1", "transform", "retrying", "no customer", value={"number": 1, "rev": 8, "sum": 8}))
    earlier.conclude("1", "retrying", 0, stage="problems-transform", version="8")
    earlier.edited("1", "problems-transform", f'{{"number": 1, "rev": {edited}, "sum": {edited * 10}}}')
    MemoryIncoming.pages_to_give = []
    entity = {"name": "order", "key": "order.number", "version": "order.rev"}
    await fetch(make_run(route={"entity": entity}), services, staging)
    assert [line[2]["sum"] for line in fetched(staging)] == [goes]


async def test_a_payload_that_is_gone_fails_with_the_remedy_and_holds_nobody_back(
    make_run: MakeRun, services: Services, staging: Staging, earlier: Earlier
) -> None:
    earlier.pushed(("A", None, 1), ("X", None, 2), ("C", None, 3))
    for at, key in enumerate("ABC"):  # at B's place stands another
        earlier.conclude(key, "retrying", at)
    (earlier.staging.folder / "transform-00000.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd broken")
    (earlier.staging.folder / "transform-00002.jsonl.zst").unlink()
    manifest = await fetch(make_run(), services, staging)
    assert manifest.counts == {"fetched": 0, "rejected": 0, "carried_in": 3, "failed": 3}
    assert carried(staging) == []
    problems = list(read_problems(staging.blocks(manifest.problems)))
    assert {(problem.key, problem.status) for problem in problems} == {(key, "failed") for key in "ABC"}
    assert "fetch the entity again" in problems[0].reason


@pytest.mark.parametrize(
    "asked", [{"keys": frozenset("1")}, {"limit": 5}, {"entities": ({"number": 1},)}, {"dry_run": True}]
)
async def test_a_run_of_a_few_leaves_the_others_where_they_are(
    asked: dict[str, Any], make_run: MakeRun, services: Services, staging: Staging, earlier: Earlier
) -> None:
    earlier.pushed(("A", None, 1))
    earlier.conclude("A", "retrying", 0)
    assert (await fetch(make_run(**asked), services, staging)).counts["carried_in"] == 0


async def test_what_was_taken_over_survives_a_crash_and_a_fetch_that_starts_over(
    make_run: MakeRun, services: Services, staging: Staging, earlier: Earlier, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier.pushed(("A", "5", 1), ("B", "5", 2))
    earlier.conclude("A", "retrying", 0)
    earlier.conclude("B", "retrying", 1)
    MemoryIncoming.pages_to_give = [[{"number": "N"}]]
    with monkeypatch.context() as crash:  # before anything of it stands in a manifest
        crash.setattr(Staging, "save", lambda self, manifest: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            await fetch(make_run(), services, staging)
    with monkeypatch.context() as crash:  # behind it

        def outage(number: int) -> None:
            raise OutageError("away")

        crash.setattr(MemoryIncoming, "before", outage)
        with pytest.raises(OutageError):
            await fetch(make_run(), services, staging)
    manifest = await fetch(make_run(), services, staging)
    assert {one.key for one in carried(staging)} == {"A", "B"}
    assert manifest.counts["carried_in"] == 2
    # Push never came: the run is cleared and begins anew; its ledger rows point at files of before.
    manifest = await fetch(make_run(), services, staging)
    assert {one.key: one.encoded for one in carried(staging)} == {"A": b"1", "B": b"2"}
    assert manifest.counts["carried_in"] == 2
    assert [line[0] for line in fetched(staging)] == ["N"]
    left = {path.name for path in staging.folder.iterdir()}
    assert left == {
        "fetch.json",
        "fetch.json.copy",
        "definition.zst",
        *(segment.name for segment in (*manifest.segments, *manifest.carried)),
    }


async def test_a_cleared_run_takes_over_what_it_left_open_itself(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    own = Earlier(make_run(), services, staging)
    own.pushed(("A", "5", 1), carried=[("B", "4", 2)])
    own.conclude("A", "failed", 0, next_attempt=None)
    own.conclude("B", "retrying", 1, next_attempt=own.now + 3600)
    for _ in range(2):  # its push concludes nothing in between
        manifest = await fetch(make_run(), services, staging)
        assert {one.key: one.encoded for one in carried(staging)} == {"A": b"1", "B": b"2"}
        assert manifest.counts["carried_in"] == 2


async def test_more_than_fit_at_once_are_taken_over_piece_by_piece(
    make_run: MakeRun, services: Services, staging: Staging, earlier: Earlier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.engine.fetch.carry_over.CHUNK", 2)
    earlier.pushed(*((key, None, 1) for key in "ABCDE"))
    for at, key in enumerate("ABCDE"):
        earlier.conclude(key, "failed", at, next_attempt=None)
    some = await fetch(
        make_run(retry=RetryWanted(fingerprint=None, statuses=frozenset({"failed"})), limit=3), services, staging
    )
    assert some.counts["carried_in"] == 3
    rest = make_run(run_id="run-2", retry=RetryWanted(statuses=frozenset({"failed"})))
    manifest = await fetch(rest, services, Staging(staging.base, "orders", "run-2"))
    assert manifest.counts["carried_in"] == 2


def test_one_payload_for_people(earlier: Earlier, staging: Staging) -> None:
    earlier.pushed(("A", None, {"n": 1}))
    folder = str(earlier.staging.folder)
    assert payload_of(staging, "A", PayloadRef(folder, "push", 0)) == b'{"n":1}'
    assert payload_of(staging, "B", PayloadRef(folder, "push", 0)) is None
    earlier.rejected(Problem("R", "transform", "rejected", "no", value=1, source={"s": 2}))
    assert payload_of(staging, "R", PayloadRef(folder, "problems-transform", 0)) == b'{"s":2}'
    assert payload_of(staging, "R", PayloadRef("", "push", 0)) is None
