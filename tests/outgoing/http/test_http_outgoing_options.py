"""What a route may write, and what it is told instead."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from outgoing_target import route_of
from pydantic import ValidationError

from airflow_integrations.expressions import SCOPES, scope_names
from airflow_integrations.outgoing.http.target import HttpOutgoing

FIND = {"path": "/o"}


def config(**options: Any) -> Any:
    return HttpOutgoing.Config.model_validate({"connection": "erp", **options})


def mistakes(batch: int, *, emit: bool = False, in_doubt: Any = None, **options: Any) -> dict[str, str]:
    route = route_of(
        batch=batch,
        emit=emit,
        in_doubt=in_doubt,
        transform=(SimpleNamespace(kind="lookup", config=SimpleNamespace(name="tax")),),
    )
    return {".".join(map(str, place)): text for place, text in HttpOutgoing.mistakes(config(**options), route)}


@pytest.mark.parametrize(
    ("options", "place", "says"),
    [
        ({}, "", "path is missing"),
        ({"path": "/o", "body": {"a": "1"}, "body_text": "x"}, "", "either body"),
        ({"path": "/o", "body_text": "x", "form": {"a": "1"}}, "", "body_text and form"),
        ({"path": "/o", "method": "GET"}, "method", "POST"),
        ({"path": "/o", "headers": {"Authorization": "x"}}, "headers.Authorization.[key]", "Connection"),
        ({"path": "/o", "headers": {"cookie": "x"}}, "headers.cookie.[key]", "Connection"),
        ({"path": "/o", "headers": {"Content-Length": "5"}}, "headers.Content-Length.[key]", "HTTP client"),
        ({"path": "/o", "headers": {"Content-Type": "x"}}, "headers.Content-Type.[key]", "content_type"),
        ({"path": "/o", "headers": {"X Y": "x"}}, "headers.X Y.[key]", "not a name of a header"),
        ({"path": "/o", "headers": {"X\r\nY": "x"}}, "headers.X\r\nY.[key]", "not a name of a header"),
        ({"path": "/o", "headers": {"X-A": "a\r\nX-Evil: 1"}}, "headers.X-A", "one line"),
        ({"path": "/o", "headers": {"X-A": "a\n"}}, "headers.X-A", "one line"),
        ({"path": "/o", "content_type": "text/plain\r\nX: 1"}, "content_type", "media type"),
        ({"path": "/o", "refused": [500]}, "refused.0", "499"),
        ({"path": "/o", "max_body_bytes": 0}, "max_body_bytes", "1"),
        ({"path": "/o", "upsert": {"find": FIND, "create": FIND}}, "", "path does not go with upsert"),
        ({"method": "PUT", "upsert": {"find": FIND, "create": FIND}}, "", "method does not go with upsert"),
        ({"upsert": {"find": FIND}}, "upsert", "create, update or both"),
        ({"upsert": {"find": {**FIND, "body": {"a": "1"}}, "create": FIND}}, "upsert.find", "GET carries no body"),
        ({"upsert": {"find": FIND, "create": {"method": "PUT"}}}, "upsert.create.path", "required"),
        ({"path": "/o", "results": {"items": "body"}}, "results", "ok is missing"),
        ({"path": "/o", "id": ["body.id"]}, "id", ""),
        ({"path": "/o", "success_when": "{{ body.ok }}"}, "success_when", "{{"),
        ({"path": "/o", "batch": 5}, "batch", "not permitted"),
        ({"upsert": {"find": FIND, "create": FIND}, "verify": FIND}, "", "asks before it writes"),
        ({"path": "/o", "verify": {**FIND, "body": {"a": "1"}}}, "verify", "GET carries no body"),
        ({"path": "/o", "verify": {"found_when": "status == 200"}}, "verify.path", "required"),
        ({"path": "/o", "delete": {"method": "DELETE"}}, "delete.path", "required"),
        ({"path": "/o", "delete": {**FIND, "body": {"a": "1"}, "body_text": "x"}}, "delete", "either body"),
        ({"path": "/o", "waiting_deadline": "1h"}, "", "waiting_deadline bounds nothing"),
        ({"path": "/o", "waiting_when": "status == 202", "waiting_deadline": "0s"}, "", "more than nothing"),
    ],
)
def test_mistakes_have_a_place_and_a_remedy(options: dict[str, Any], place: str, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**options)
    found = {".".join(map(str, error["loc"])): error["msg"] for error in caught.value.errors()}
    assert place in found
    assert says in found[place]


def test_one_request_for_many_sees_no_single_entity() -> None:
    found = mistakes(
        50,
        path="/o/{{ order.number }}",
        query={"a": "{{ source.x }}"},
        headers={"X-A": "{{ tax.code }}"},
        body={"all": "entities", "one": "order.number"},
        id="body.id",
    )
    assert set(found) == {"path", "query.a", "headers.X-A", "body", "id"}
    assert found["path"].startswith("order is one entity's, and one request carries 50")
    assert "results.id" in found["id"]
    assert "delivery.batch" in mistakes(2, upsert={"find": FIND, "create": FIND})["upsert"]


def test_deletions_need_a_request_of_their_own() -> None:
    found = mistakes(1, emit=True, path="/o")
    assert set(found) == {""}
    assert "write delete:" in found[""]
    assert mistakes(1, emit=True, path="/o", delete={"path": "/o/{{ key }}"}) == {}


@pytest.mark.parametrize("batch", [1, 10])
def test_the_targets_id_must_be_told_before_it_can_be_read(batch: int) -> None:
    delete = {"path": "/o/{{ target_id }}", "query": {"a": "{{ key }}"}}
    found = mistakes(batch, path="/o", delete=delete)
    assert set(found) == {"delete.path"}
    assert ("id: body.id" if batch == 1 else "results with an id") in found["delete.path"]
    told: dict[str, Any] = {"id": "body.id"}
    if batch > 1:
        told = {"results": {"items": "body", "ok": "item.ok", "id": "item.id"}}
    assert mistakes(batch, path="/o", delete=delete, **told) == {}
    find = {**FIND, "id": "target.id"}
    assert mistakes(1, upsert={"find": find, "create": FIND}, delete=delete) == {}


def test_doubt_is_verified_where_something_says_how() -> None:
    assert "write verify:" in mistakes(1, in_doubt="verify", path="/o")[""]
    assert mistakes(1, in_doubt="verify", path="/o", verify=FIND) == {}
    assert mistakes(1, in_doubt="verify", upsert={"find": FIND, "create": FIND}) == {}
    for policy in (None, "hold", "resend"):
        assert "in_doubt" in mistakes(1, in_doubt=policy, path="/o", verify=FIND)["verify"]


def test_what_goes_together_is_no_mistake() -> None:
    results = {"items": "body", "ok": "item.ok"}
    assert mistakes(50, path="/o/{{ params.x }}", body={"orders": "entities"}, results=results) == {}
    assert mistakes(1, path="/o/{{ order.number }}", body={"tax": "tax.code", "list": "entities"}, id="body.id") == {}
    assert mistakes(1, upsert={"find": FIND, "create": FIND}) == {}


def test_what_was_written_is_written_back() -> None:
    written = {
        "connection": "erp",
        "path": "/o/{{ order.number }}",
        "body": {"a": {"const": "x"}, "n": "order.number"},
        "results": {"items": "body.r", "match": "item.n", "ok": "item.ok"},
        "idempotency_header": None,
    }
    dumped = HttpOutgoing.Config.model_validate(written).model_dump(mode="json", exclude_unset=True)
    assert dumped == written
    assert HttpOutgoing.Config.model_validate(dumped) == HttpOutgoing.Config.model_validate(written)


def test_position_is_what_no_match_means() -> None:
    assert config(path="/o", results={"items": "body", "match": "position", "ok": "item.ok"}).results.match is None


def test_every_option_is_documented_in_the_schema() -> None:
    schema = HttpOutgoing.Config.model_json_schema()
    for model in (schema, *schema["$defs"].values()):
        for name, option in model.get("properties", {}).items():
            assert "description" in option or "$ref" in option, name


def test_the_scopes_of_requests() -> None:
    assert {"request", "found", "target", "deletion"} <= set(SCOPES)
    assert scope_names("request", "order", ["tax"]) > {"order", "source", "tax", "entities", "window"}
    assert scope_names("found", "order") > {"order", "status", "body"}
    assert scope_names("target", "order") > {"order", "target"}
    assert scope_names("deletion", "order", ["tax"]) > {"order", "source", "tax", "key", "target_id"}
