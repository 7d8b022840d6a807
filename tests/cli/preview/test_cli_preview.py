from __future__ import annotations

import base64
import json
import re
from decimal import Decimal

import pytest
from cli_servers import PASSWORD

from airflow_integrations.cli.preview.text import aligned, pretty


def secret_free(*texts: str) -> bool:
    encoded = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    return not any(secret in text for text in texts for secret in (PASSWORD, encoded, "cookie-secret"))


def test_before_and_after_and_what_would_be_sent(call, routes, systems):
    systems.orders.append({"id": 6, "status": "open", "lines": None})
    code, out, err = call("preview", "orders", "--limit", "6")
    assert code == 1  # as `run` would: one goes wrong
    assert "6 fetched: 4 go on, 1 filtered, 1 rejected" in out
    assert '"quantity": 2' in out
    assert '"Total": 20.00' in out
    assert "transform.0.filter" in out
    assert re.search(r"6 +rejected +transform\.1\.map \S+ +(?!transform)\S", out)  # the place stands once
    assert "target: POST /documents" in out
    assert secret_free(out, err)


def test_one_entity_goes_on_and_two_go_on(call, routes, systems):
    assert "1 fetched: 1 goes on\n" in call("preview", "orders", "--limit", "1")[1]
    assert ": 1 goes on in " in call("run", "orders", "--limit", "1")[2]


def test_it_says_that_only_the_sending_of_large_runs_is_spread(call, routes, systems):
    path = routes / "orders.yaml"
    path.write_text(path.read_text() + "\ncontract: {}\ntasks: {spread: 3}\n")
    told = "note: tasks.spread: 3 tasks send a large run, and one transforms it, because a contract looks at all"
    assert told in " ".join(call("preview", "orders")[1].split())


def test_it_says_how_it_signed_in_and_never_with_what(call, routes, systems):
    code, out, err = call("preview", "orders")
    assert code == 0
    assert "source: signed in by basic authentication" in out
    assert "target: signed in" not in out  # it was not asked
    assert secret_free(out, err)
    found = json.loads(call("preview", "orders", "--format", "json")[1])
    assert found["signed_in"] == {"source": "basic authentication"}


def test_it_sends_nothing_to_the_target(call, routes, systems):
    assert call("preview", "orders")[0] == 0
    assert systems.documents == []
    assert {heard.method for heard in systems.heard} == {"GET"}
    assert all("Authorization" in heard.headers for heard in systems.heard)


def test_the_target_needs_no_connection(call, routes, systems, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_TARGET")
    assert call("preview", "orders")[0] == 0


def test_limit_and_key(call, routes, systems):
    found = json.loads(call("preview", "orders", "--limit", "1", "--format", "json")[1])
    assert [entity["key"] for entity in found["entities"]] == ["1"]
    assert len(systems.heard) == 1
    found = json.loads(call("preview", "orders", "--key", "4", "--key", "5", "--format", "json")[1])
    assert [entity["key"] for entity in found["entities"]] == ["4", "5"]


def test_the_window_reaches_the_source(call, routes, systems):
    window = ("--window-start", "2026-01-01", "--window-end", "2026-01-02T00:00:00Z")
    assert call("preview", "orders", *window)[0] == 0
    assert "updated_from=2026-01-01T00:00:00Z&updated_to=2026-01-02T00:00:00Z" in systems.heard[0].path


def test_entities_from_a_file_need_no_source(call, routes, tmp_path):
    (tmp_path / "some.json").write_text('[{"id": 7, "status": "open", "customer": {"name": "Ada"}, "lines": []}]')
    found = json.loads(call("preview", "orders", "--entities", "some.json", "--format", "json")[1])
    assert found["requests"] == [
        {
            "connection": "target",
            "method": "POST",
            "path": "/documents",
            "query": {},
            "body": {"Number": 7, "Customer": "Ada", "Currency": "EUR", "Total": 0},
        }
    ]


def test_a_field_that_no_entity_has_is_a_warning(call, routes, systems, edit):
    edit(routes / "orders.yaml", "order.customer.name", "order.customer.nmae or 'nobody'")
    code, out, _ = call("preview", "orders")
    assert code == 0
    assert "warning: " in out
    assert "order.customer.nmae" in out


def test_a_missing_connection_is_told_with_the_remedy(call, routes, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_SOURCE", raising=False)
    code, out, _ = call("preview", "orders")
    assert code == 1
    assert "there is no Connection 'source'" in out
    assert "airflow connections add" in out


def test_an_unknown_route_is_told_with_the_nearest_one(call, routes):
    code, _, err = call("preview", "order")
    assert code == 2
    assert "did you mean 'orders'" in err


def test_a_route_by_its_file(call, routes, systems):
    assert call("preview", "routes/orders.yaml")[0] == 0
    assert call("preview", "routes/nothing.yaml")[0] == 2


def test_what_is_recorded_is_a_test_that_passes_without_secrets(call, routes, systems):
    systems.orders.append({"id": 6, "status": "open", "lines": None})
    systems.orders.append({"status": "open"})
    record = ("preview", "orders", "--limit", "9", "--record", "routes/recorded.test.yaml")
    assert call(*record)[0] == 1  # two are rejected, and that is what the test is about
    text = (routes / "recorded.test.yaml").read_text()
    assert secret_free(text)
    code, out, _ = call("test", "routes/recorded.test.yaml")
    assert (code, out.splitlines()[-1]) == (0, "1 passed")
    assert call(*record)[0] == 2
    assert (routes / "recorded.test.yaml").read_text() == text


def test_lines_are_aligned_and_differences_marked():
    rows = list(aligned(["{", '  "a": 1,', '  "b": 2', "}"], ["{", '  "b": 2', "}"]))
    assert rows == [("{", "{", True), ('  "a": 1,', "", False), ('  "b": 2', '  "b": 2', True), ("}", "}", True)]


def test_pretty_is_exact_and_bounded():
    assert pretty({"n": Decimal("1.10"), "i": 10**30}) == ["{", '  "n": 1.10,', f'  "i": {10**30}', "}"]
    assert len(pretty(list(range(10_000)))) == 81
    assert len(pretty("x" * 10_000)[0]) < 300


def test_what_the_route_masks_is_not_shown(call, routes, systems, edit):
    systems.orders[0]["customer"]["name"] = "Ana Buyer"
    edit(routes / "orders.yaml", "entity: {name: order", "mask: [customer.name]\nentity: {name: order")
    for shown in (call("preview", "orders"), call("preview", "orders", "--format", "json")):
        assert shown[0] == 0
        assert "Ana Buyer" not in shown[1]
    found = json.loads(shown[1])
    assert found["entities"][0]["before"]["customer"] == {"name": "***"}
    assert found["entities"][0]["after"]["Customer"] == "***"
    assert found["requests"][0]["body"]["Customer"] == "***"


def test_a_source_that_does_not_answer_is_told_about_at_once(call, routes, systems):
    systems.failing = 2
    code, out, err = call("preview", "orders")
    assert code == 0, out
    assert "source: HTTP 503 Service Unavailable to GET " in err
    assert "(attempt 2)" in err


UPSERT = """outgoing:
  http:
    connection: target
    upsert:
      find: {method: FIND, path: "ASKED", target: "body.value[0]"NOT_FOUND}
      create: {method: POST, path: /documents}
      update: {method: PATCH, path: "/documents/{{ target.id }}"}
"""


@pytest.mark.parametrize(
    ("method", "path", "not_found"),
    [("GET", "/documents/{{ order.Number }}", ""), ("GET", "/search", ", not_found: []"), ("POST", "/documents", "")],
)
def test_of_an_upsert_both_requests_are_shown(call, routes, systems, method, path, not_found):
    """The question, and what is created where nothing is found; also where both go to the same address."""
    file = routes / "orders.yaml"
    before = file.read_text().partition("outgoing:")[0]
    text = UPSERT.replace("FIND", method).replace("ASKED", path).replace("NOT_FOUND", not_found)
    file.write_text(before + text)
    (routes / "orders.test.yaml").unlink()
    code, told, _ = call("preview", "orders", "--limit", "5", "--format", "json")
    requests = json.loads(told)["requests"]
    assert code == 0
    assert len(requests) == 2 * len(json.loads(told)["entities"]) > 2
    assert [asked["method"] for asked in requests[:4]] == [method, "POST", method, "POST"]
    assert [asked["body"] is not None for asked in requests[:4]] == [False, True, False, True]
    assert json.loads(told)["rejected"] == []
    assert systems.documents == []


def test_a_body_in_another_format_is_shown(call, routes, systems):
    route = routes / "orders.yaml"
    route.write_text(route.read_text().replace("path: /documents", "path: /documents\n    body_format: FORMAT"))
    text = route.read_text()
    route.write_text(text.replace("FORMAT", "{xml: {root: Order, record: null, encoding: iso-8859-1}}"))
    assert "<Order><Number>1</Number>" in call("preview", "orders", "--key", "1")[1]
    route.write_text(text.replace("FORMAT", "excel"))
    assert re.search(r"[0-9,]+ bytes that are not text", call("preview", "orders", "--key", "1")[1])
