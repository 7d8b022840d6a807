"""Interchanges that are read from files are answered: each once, whatever becomes of the runs of both routes."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from acknowledging_scene import Answering, interchange, message
from kills import kills_nothing_wrong
from pydantic import ValidationError
from sqlalchemy import func, select

import airflow_integrations.engine.fetch.at_work as fetching
from airflow_integrations.errors import AnswerError, OutageError
from airflow_integrations.files import reading as file_reading
from airflow_integrations.ledger.maintenance.retention import UNREAD_SECONDS, prune
from airflow_integrations.ledger.storage import tables
from airflow_integrations.route.links import link_mistakes
from airflow_integrations.route.retention import Retention

UCI = "UCI+{}+YOU+ME+7"


def kept(scene: Answering) -> list[dict[str, Any]]:
    with scene.ledger.read() as connection:
        answer = tables.acknowledgement.c
        return [json.loads(each) for each in connection.scalars(select(answer.content).order_by(answer.number))]


def test_each_interchange_is_answered_once_and_a_bad_message_is_rejected_in_it(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    scene.arrive("a.edi", interchange("I1", message("1"), message("2", count=9)), interchange("I2", message("1")))
    assert scene.run() == ["I1|1", "I2|1"]
    assert scene.ledger.fetches.behind(scene.now.timestamp()) == {}
    assert scene.answer().counts["delivered"] == 2
    assert scene.written() == [
        UCI.format("I1"),
        "UCM+1+ORDERS:D:96A:UN+7",
        "UCM+2+ORDERS:D:96A:UN+4+29+UNT",
        UCI.format("I2"),
        "UCM+1+ORDERS:D:96A:UN+7",
    ]
    assert scene.answer().counts["fetched"] == 0
    scene.run()
    assert scene.answer().counts["fetched"] == 0


def test_the_answering_route_is_woken(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    scene.answer()
    scene.arrive("a.edi", interchange("I1", message("1")))
    scene.run()
    assert scene.ledger.fetches.behind(scene.now.timestamp()) == {"answers": 1}
    scene.answer(events=True)
    assert scene.ledger.fetches.behind(scene.now.timestamp()) == {}
    assert scene.written()[0] == UCI.format("I1")


def test_it_begins_now_or_with_the_oldest(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    scene.reads = {"from": "now"}
    scene.arrive("a.edi", interchange("I1", message("1")))
    scene.run()
    assert scene.answer().counts["fetched"] == 0
    scene.arrive("b.edi", interchange("I2", message("1")))
    scene.run()
    assert scene.answer().counts["delivered"] == 1
    assert scene.written()[0] == UCI.format("I2")


def test_nothing_is_answered_before_the_file_counts_as_read(tmp_path: Path) -> None:
    """The run that read it first died; the next one reads it again, and its answer is the only one."""
    scene = Answering(tmp_path)
    scene.arrive("a.edi", interchange("I1", message("1")))
    died = scene.new_run()
    scene.stage("fetch", died)
    assert kept(scene) == []
    assert scene.answer().counts["fetched"] == 0
    scene.run()
    scene.stage("transform", died)
    scene.stage("push", died)
    scene.stage("settle", died)  # it comes to life after all
    assert [each["interchange"]["reference"] for each in kept(scene)] == ["I1"]
    assert scene.answer().counts["delivered"] == 1


def test_a_settle_that_is_repeated_and_a_run_that_is_cleared_answer_nothing_again(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    scene.arrive("a.edi", interchange("I1", message("1")))
    run = scene.new_run()
    for stage in ("fetch", "transform", "push", "settle", "settle", "fetch", "transform", "push", "settle"):
        scene.stage(stage, run)
    assert len(kept(scene)) == 1


def test_a_run_that_an_older_version_settles_is_read_and_answered_by_the_next_one(tmp_path: Path) -> None:
    """While workers are replaced: that version knows nothing of answers, and keeps none."""
    scene = Answering(tmp_path, after={"move": "done"})
    scene.arrive("a.edi", interchange("I1", message("1")))
    run = scene.new_run()
    for stage in ("fetch", "transform", "push"):
        scene.stage(stage, run)
    path = Path(str(scene.staging(run.run_id).folder), "fetch.json")
    manifest = json.loads(path.read_bytes())
    manifest = {name: value for name, value in manifest.items() if name not in ("acknowledgements", "answered_pieces")}
    path.write_bytes(json.dumps(manifest).encode())
    scene.stage("settle", run)
    assert (kept(scene), scene.names()) == ([], ["a.edi"])
    scene.now += timedelta(hours=1)
    assert scene.run() == ["I1|1"]
    assert [each["interchange"]["reference"] for each in kept(scene)] == ["I1"]
    assert scene.names() == ["done/a.edi"]


def test_a_file_that_is_replaced_is_answered_again_and_one_that_is_read_again_is_not(tmp_path: Path) -> None:
    scene = Answering(tmp_path, again=True)
    scene.arrive("a.edi", interchange("I1", message("1", count=9)))
    scene.run()
    scene.run()
    assert [each["status"] for each in kept(scene)] == ["rejected"]
    scene.arrive("a.edi", interchange("I2", message("1")), minutes=-5)
    scene.run()
    assert [each["status"] for each in kept(scene)] == ["rejected", "accepted"]
    assert len({each["id"] for each in kept(scene)}) == 2


def test_one_that_changes_while_it_is_read_is_answered_as_it_was_read_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Answering(tmp_path)
    path = scene.arrive("a.edi", interchange("I1", message("1")))
    monkeypatch.setattr(fetching, "COMMIT_SECONDS", -1.0)
    inner, run = file_reading._chunks, scene.new_run()

    def changing(content: Any, name: str) -> Any:
        yield from inner(content, name)
        scene.arrive("a.edi", interchange("I2", message("1"), message("2")), minutes=-5)

    with monkeypatch.context() as patched:
        patched.setattr(file_reading, "_chunks", changing)
        with pytest.raises(OutageError):
            scene.stage("fetch", run)
    assert path.exists()
    for stage in ("fetch", "transform", "push", "settle"):
        scene.stage(stage, run)
    assert [(each["interchange"]["reference"], each["received"]) for each in kept(scene)] == [("I2", 2)]


@pytest.mark.parametrize("chunk", [64, 700, 1 << 18])
def test_a_fetch_that_goes_on_in_the_middle_of_a_file_answers_all_of_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Also where the file comes in other pieces than before."""
    scene = Answering(tmp_path)
    many = [interchange(f"I{number}", message("1"), message("2")) for number in range(40)]
    scene.arrive("a.edi", *many)
    monkeypatch.setattr(fetching, "COMMIT_SECONDS", -1.0)
    monkeypatch.setattr("airflow_integrations.incoming.files.records.PAGE", 7)
    monkeypatch.setattr(file_reading, "CHUNK", 300)
    run, inner = scene.new_run(), file_reading._chunks

    def breaking(content: Any, name: str) -> Any:
        for number, each in enumerate(inner(content, name)):
            if number == 9:
                raise OutageError("the connection is gone")
            yield each

    with monkeypatch.context() as patched:
        patched.setattr(file_reading, "_chunks", breaking)
        with pytest.raises(OutageError):
            scene.stage("fetch", run)
    monkeypatch.setattr(file_reading, "CHUNK", chunk)
    for stage in ("fetch", "transform", "push", "settle"):
        scene.stage(stage, run)
    assert len(scene.keys(run.run_id)) == 80
    assert [each["interchange"]["reference"] for each in kept(scene)] == [f"I{number}" for number in range(40)]


def test_lines_that_are_grouped_are_answered_too(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    scene.more["entity"] = {
        "name": "order",
        "key": "order.number",
        "group": {"by": ["number"], "lines": "messages"},
    }
    scene.incoming["records"] = "[{'number': r.message.type, 'm': r.message} for r in body]"
    scene.arrive("a.edi", interchange("I1", message("1"), message("2")))
    assert scene.run() == ["ORDERS"]
    assert [each["status"] for each in kept(scene)] == ["accepted"]


def test_what_breaks_off_is_answered_as_far_as_it_came(tmp_path: Path) -> None:
    scene = Answering(tmp_path, zip_files="*.edi", path=f"{tmp_path}/in/*.zip")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("1.edi", interchange("I1", message("1")))
        archive.writestr("2.edi", interchange("I2", message("1"), message("2"))[:-30])
    (scene.inbox / "a.zip").write_bytes(packed.getvalue())
    scene.age(scene.inbox / "a.zip", -10)
    scene.run()
    assert [(each["interchange"]["reference"], each["status"]) for each in kept(scene)] == [
        ("I1", "accepted"),
        ("I2", "partly accepted"),
    ]


def test_a_file_of_too_many_bad_messages_is_answered_with_what_was_taken(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    bad = [message(str(number), count=9) for number in range(1100)]
    scene.arrive("a.edi", interchange("I1", message("a"), *bad, message("z")))
    keys = scene.run()
    (answer,) = kept(scene)
    assert answer["accepted"] == len(keys)
    assert answer["status"] == "partly accepted"
    assert answer["received"] - answer["accepted"] >= 1001


def test_a_fetch_that_fails_for_a_bad_message_answers_nothing(tmp_path: Path) -> None:
    scene = Answering(tmp_path, bad_records="fail")
    scene.arrive("a.edi", interchange("I1", message("1"), message("2", count=9)))
    with pytest.raises(AnswerError):
        scene.stage("fetch", scene.new_run())
    assert kept(scene) == []


def test_an_expression_that_fails_leaves_no_message_accepted_that_was_not_taken(tmp_path: Path) -> None:
    scene = Answering(tmp_path, records="[r.message.type + 1 for r in body]")
    scene.arrive("a.edi", interchange("I1", message("1")))
    scene.run()
    assert [(each["accepted"], each["status"]) for each in kept(scene)] == [(0, "rejected")]


@pytest.mark.parametrize(
    "more", [{"explicit": True}, {"kind": "backfill"}, {"keys": frozenset({"x"})}, {"limit": 1}, {"dry_run": True}]
)
def test_a_run_of_something_else_answers_nothing(tmp_path: Path, more: dict[str, Any]) -> None:
    scene = Answering(tmp_path)
    scene.arrive("a.edi", interchange("I1", message("1")))
    scene.run(**more)
    assert kept(scene) == []
    scene.run()
    assert len(kept(scene)) == 1


def test_an_answer_that_is_killed_before_it_is_settled_is_written_once(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    scene.arrive("a.edi", interchange("I1", message("1")))
    scene.run()
    run = scene.answer_run()
    for stage in ("fetch", "transform", "push"):
        scene.answer_stage(stage, run)
    for stage in ("push", "settle"):
        scene.answer_stage(stage, run)
    scene.answer()
    assert scene.written().count(UCI.format("I1")) == 1


def test_what_nobody_read_for_a_month_is_forgotten_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Answering(tmp_path)
    scene.answer()
    scene.arrive("a.edi", interchange("I1", message("1")), interchange("I2", message("1")))
    scene.run()
    prune(scene.ledger, routes={"prices": Retention()}, now=scene.now.timestamp() + UNREAD_SECONDS)
    assert [each["interchange"]["reference"] for each in kept(scene)] == ["I2"]
    scene.arrive("b.edi", interchange("I3", message("1")))
    scene.run()
    assert scene.answer().counts["delivered"] == 2
    assert "1 acknowledgement of prices was forgotten before it was read" in caplog.text


def test_a_route_that_turns_from_records_to_acknowledgements_misses_none(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    scene.reads = {"what": "records"}
    scene.target = {"edifact": {**scene.target["edifact"]}}
    scene.answer()
    for number in range(3):
        scene.arrive(f"{number}.edi", interchange(f"I{number}", message("1")))
        scene.run()
    late = scene.answer_run()
    for stage in ("fetch", "transform", "push"):
        scene.answer_stage(stage, late)
    scene.reads = {}
    scene.ledger.fetches.subscribe("answers", "prices", oldest=True, what="acknowledgements")
    scene.answer_stage("settle", late)
    assert scene.ledger.fetches.position("answers", "prices", "acknowledgements") == 0
    assert scene.answer().counts["fetched"] == 3


def test_x12(tmp_path: Path) -> None:
    start = "ISA*00*          *00*          *ZZ*YOU            *ZZ*ME             *260301*1000*U*00401*000000101*0*P*>~"
    sets = "ST*850*0001~BEG*00~SE*3*0001~ST*850*0002~BEG*00~SE*9*0002~"
    scene = Answering(tmp_path, format="x12", path=f"{tmp_path}/in/*.x12")
    scene.arrive("a.x12", f"{start}GS*PO*YOU*ME*20260301*1000*7*X*004010~{sets}GE*2*7~IEA*1*000000101~")
    scene.run()
    x12 = {"sender": "ME", "recipient": "YOU", "type": "997", "group": "FA", "line_end": "lf"}
    scene.target = {"format": "x12", "x12": x12}
    scene.answer()
    (path,) = (scene.folder / "out").glob("*.edi")
    assert path.read_text().splitlines()[2:-2] == [
        "ST*997*0001~",
        "AK1*PO*7~",
        "AK2*850*0001~",
        "AK5*A~",
        "AK2*850*0002~",
        "AK5*R*4~",
        "AK9*P*2*2*1~",
        "SE*8*0001~",
    ]


def test_each_partner_is_answered_in_a_file_of_its_own(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    edifact = {name: value for name, value in scene.target["edifact"].items() if name != "recipient"}
    named = f"{tmp_path}/out/{{{{ answer.interchange.reference }}}}.edi"
    scene.target = {"edifact": edifact, "per": "entity", "path": named}
    scene.arrive("a.edi", interchange("I1", message("1")), interchange("I2", message("1"), sender="OTHER:14"))
    scene.arrive("b.edi", interchange("I3", message("1")), interchange("I4", message("1"), sender=""))
    scene.run()
    assert scene.answer().counts["delivered"] == 3
    heads = {path.name: path.read_text().splitlines()[1] for path in (tmp_path / "out").glob("*.edi")}
    assert {name: head.split("+")[2:4] + head.split("+")[5:] for name, head in heads.items()} == {
        "I1.edi": ["ME", "YOU", "1'"],
        "I2.edi": ["ME", "OTHER:14", "1'"],
        "I3.edi": ["ME", "YOU", "2'"],
    }


def test_an_answer_is_not_sent_to_another_partner(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    scene.arrive("a.edi", interchange("I1", message("1")), interchange("I2", message("1"), sender="OTHER"))
    scene.run()
    counts = scene.answer().counts
    assert (counts["delivered"], counts["failed"]) == (1, 1)
    assert [each for each in scene.written() if each.startswith("UCI")] == [UCI.format("I1")]


def test_other_formats_and_sources_have_nothing_to_acknowledge(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    routes = {"prices": scene.route, "answers": scene.answering}
    assert list(link_mistakes(routes, lambda name: False)) == []
    scene.incoming["format"] = "csv"
    (found,) = link_mistakes({**routes, "prices": scene.route}, lambda name: False)
    assert found[:2] == ("answers", ("incoming", "route", "what"))
    assert "prices has nothing to acknowledge" in found[2]
    scene.reads = {"what": "answers"}
    with pytest.raises(ValidationError):
        scene.answering  # noqa: B018


def test_no_row_is_written_where_nothing_is_acknowledged(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    scene.arrive("a.edi", "UNB+UNOC:3+YOU+ME+1:1+I'UNH+1+CONTRL:D:3:UN'UCI+X+ME+YOU+7'UNT+3+1'UNZ+1+I'")
    scene.run()
    with scene.ledger.read() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.acknowledgement)) == 0


def test_a_kill_anywhere_answers_each_interchange_once(tmp_path: Path) -> None:
    assert kills_nothing_wrong(Path(__file__).with_name("kill_acknowledging_scene.py"), tmp_path) >= 15


def test_an_interchange_without_messages_is_answered(tmp_path: Path) -> None:
    scene = Answering(tmp_path)
    scene.arrive("a.edi", interchange("I1"), interchange("I2").replace("UNZ+0", "UNZ+1"))
    assert scene.run() == []
    assert [(each["status"], each["segments"][0][4:]) for each in kept(scene)] == [
        ("accepted", ["7"]),
        ("rejected", ["4", "29", "UNZ"]),
    ]
