"""A record that cannot be read goes the whole way: it is in the books, with its place, its reason and its text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bad_input_scene import Scene, page

from airflow_integrations.errors import AnswerError

XML = {"format": "xml", "xml": {"record": "o"}}
CASES: list[tuple[dict[str, Any], bytes, str, str]] = [
    (
        {"format": "csv"},
        b"number,name\nG,a\nN,b,c\nZ,d\n",
        "line 3: it has 3 values for 2 columns; check delimiter and quote",
        "N,b,c\n",
    ),
    (
        {"format": "csv"},
        b"number,name\nG,a\nN,caf\xe9\nZ,d\n",
        "line 3: some of its bytes are not text in utf-8",
        "N,caf\\xe9\n",
    ),
    (
        {"format": "json_lines"},
        b'{"number": "G"}\n{"number": "N", "total": NaN}\n{"number": "Z"}\n',
        "line 2: the content is not JSON",
        '{"number": "N", "total": NaN}',
    ),
    (
        {"format": "json"},
        b'[{"number": "G"}, {"number": "N", "total": Infinity}, {"number": "Z"}]',
        "record 2: the content is not JSON",
        '{"number": "N", "total": Infinity}',
    ),
    (
        XML,
        (
            b'<os xmlns:x="urn:x"><o><number>G</number></o>'
            b"<o><number>N</number><x:number/></o><o><number>Z</number></o></os>"
        ),
        "record 2: 'o' has two kinds of 'number', of different namespaces",
        '<o xmlns:x="urn:x"><number>N</number><x:number/></o>',
    ),
]


@pytest.mark.parametrize(("incoming", "content", "reason", "kept"), CASES, ids=range(len(CASES)))
@pytest.mark.parametrize("held", [{}, {"retry_when": "False"}], ids=["long", "short"])
async def test_one_bad_record_is_rejected_with_its_place_and_its_text(
    incoming: Any, content: bytes, reason: str, kept: str, held: Any, tmp_path: Path
) -> None:
    outcome = await Scene(tmp_path).run(page(content, ""), incoming={"records": "body", **incoming, **held})
    assert [entity["number"] for entity in outcome.received] == ["G", "Z"]
    assert outcome.counts == {"fetched": 3, "delivered": 2, "rejected": 1}
    (problem,) = outcome.problems
    assert (problem.key, problem.stage, problem.status) == ("", "fetch", "rejected")
    assert problem.reason.startswith(reason)
    assert problem.value["content"] == kept
    assert f"rejected by fetch: 1 × {reason}" in outcome.log
    assert outcome.balance.lines()[0] == "3 fetched = 2 delivered + 1 rejected"


@pytest.mark.parametrize(("incoming", "content", "reason", "kept"), CASES, ids=range(len(CASES)))
async def test_bad_records_may_fail_the_fetch(
    incoming: Any, content: bytes, reason: str, kept: str, tmp_path: Path
) -> None:
    options = {"records": "body", "bad_records": "fail", **incoming}
    outcome = await Scene(tmp_path).run(page(content, ""), incoming=options)
    assert isinstance(outcome.error, AnswerError)
    assert outcome.received == []


async def test_the_text_of_a_bad_record_is_not_kept_where_the_route_masks_something(tmp_path: Path) -> None:
    """Nobody knows where in it the masked field is."""
    outcome = await Scene(tmp_path).run(
        page(b"number,iban\nG,DE1\nN,DE2,x\nZ,DE3\n", "text/csv"),
        incoming={"records": "body"},
        mask=["order.iban"],
    )
    assert outcome.counts == {"fetched": 3, "delivered": 2, "rejected": 1}
    assert "DE2" not in outcome.text
    (problem,) = outcome.problems
    assert problem.reason.startswith("line 3")
    assert problem.value is None


@pytest.mark.parametrize("records", ["body.orders", "body.orders or []"])
@pytest.mark.parametrize("condition", ["body.error", "not body"])
async def test_wherever_the_list_is_and_whatever_else_is_read(records: str, condition: str, tmp_path: Path) -> None:
    content = b'{"error": null, "orders": [{"number": "G"}, {"number": NaN}, {"number": "Z"}], "page": 1}'
    outcome = await Scene(tmp_path).run(page(content), incoming={"records": records, "error_when": condition})
    assert outcome.counts == {"fetched": 3, "delivered": 2, "rejected": 1}


OS = {"records": "body", "format": "xml", "xml": {"record": "o", "container": "os"}}
LINES = {"records": "body", "format": "json_lines"}
SOAP = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    b"<faultstring>away</faultstring></s:Fault></s:Body></s:Envelope>"
)
MESSAGES: dict[str, tuple[dict[str, Any], bytes, str]] = {
    "element": (OS, b"<os><error>away</error></os>", "reports error"),
    "attribute": (OS, b'<os status="error">away</os>', "reports @status"),
    "soap": ({**OS, "xml": {"record": "o", "container": "Body"}}, SOAP, "reports Fault"),
    "text for lines": (LINES, b"session expired\nlog in again\n", "no record that can be read"),
    "object for lines": (LINES, b'{"error": "session expired"}\n', "nothing that entity.key reads and reports error"),
    "object over many lines": (LINES, b'{\n "error": "session expired"\n}\n', "reports error"),
    "text for rows": (
        {"records": "body", "format": "csv", "csv": {"header": ["number", "name"]}},
        b"error: session expired",
        "no record that can be read",
    ),
    "list of an error": ({"records": "body"}, b'[{"error": "session expired"}]', "reports error"),
    "object in the place of a record": ({"records": "[body]"}, b'{"error": "session expired"}', "reports error"),
    "success": ({"records": "body.orders or []"}, b'{"success": false}', "reports success: False"),
    "status": ({"records": "body.orders or []"}, b'{"status": "error"}', "reports status: error"),
    "fault": ({"records": "body.orders or []"}, b'{"fault": {"code": 1}}', "reports fault"),
}


@pytest.mark.parametrize(("incoming", "content", "told"), MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("held", [{}, {"retry_when": "False"}], ids=["long", "short"])
async def test_an_error_message_is_no_document_of_records(
    incoming: Any, content: bytes, told: str, held: Any, tmp_path: Path
) -> None:
    asked = {**incoming, **held}
    outcome = await Scene(tmp_path).run(page(content, "text/plain"), incoming=asked)
    assert isinstance(outcome.error, AnswerError)
    assert told in str(outcome.error)
    assert outcome.counts == {}
    quiet = await Scene(tmp_path / "quiet").run(
        page(content, "text/plain"), incoming={**asked, "empty_when": "status == 200"}
    )
    assert (quiet.error, quiet.counts) == (None, {})


@pytest.mark.parametrize(
    ("incoming", "content", "counts"),
    [
        (OS, b"<os><error/><errors>0</errors></os>", {}),
        (OS, b"<os><status>ok</status><success>true</success></os>", {}),
        (LINES, b'{"number": NaN}\n', {"fetched": 1, "rejected": 1}),
        ({"records": "body", "format": "csv"}, b"number,name\n1\n", {"fetched": 1, "rejected": 1}),
        ({"records": "body"}, b'[{"error": "", "name": "a"}]', {"fetched": 1, "rejected": 1}),
        ({"records": "body"}, b'[{"error": "of the order", "number": 1}]', {"fetched": 1, "delivered": 1}),
        ({"records": "body.orders or []"}, b'{"status": "ok", "success": true}', {}),
    ],
    ids=range(7),
)
async def test_no_error_message(incoming: Any, content: bytes, counts: dict[str, int], tmp_path: Path) -> None:
    outcome = await Scene(tmp_path).run(page(content, "text/plain"), incoming=incoming)
    assert (outcome.error, outcome.counts) == (None, counts)


async def test_records_of_another_namespace_are_others(tmp_path: Path) -> None:
    content = b'<os xmlns:a="u:a" xmlns:b="u:b"><a:o><number>1</number></a:o><b:o><number>2</number></b:o></os>'
    outcome = await Scene(tmp_path).run(page(content, "text/xml"), incoming={"records": "body", **XML})
    assert outcome.counts == {"fetched": 2, "delivered": 1, "rejected": 1}
    assert "two kinds of 'o', of different namespaces" in outcome.problems[0].reason
    named = {**XML, "xml": {"record": "b:o", "namespaces": {"b": "u:b"}}}
    outcome = await Scene(tmp_path / "named").run(page(content, "text/xml"), incoming={"records": "body", **named})
    assert [entity["number"] for entity in outcome.received] == ["2"]
