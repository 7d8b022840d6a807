from __future__ import annotations

import socket
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import pytest

from airflow_integrations.testing import run_route_tests
from airflow_integrations.testing.junit import junit

SHARED = """\
given:
  var: {region: North}
  answers:
    crm:
      - {to: {path: /customers/a}, body: {name: Ada}}
      - {to: {path: /customers/b}, status: 404}
"""


def test_entities_lookups_requests_and_rejections(tried):
    report = tried(
        SHARED
        + """\
tests:
  - name: all in one
    given:
      entities:
        - {id: 1, status: open, customer: a, note: x}
        - {id: 2, status: closed, customer: a, note: x}
        - {id: 3, status: open, customer: b, note: x}
    expect:
      entities: [{Number: 1, Name: Ada, Note: x, Region: North}]
      filtered: ["2"]
      rejected: {"3": "customer"}
      merged: []
      requests:
        erp: [{method: POST, path: /documents, body: {Number: 1, Name: Ada, Note: x, Region: North}}]
      balance: {fetched: 3, delivered: 1, filtered: 1, rejected: 1}
      warnings: []
"""
    )
    assert report.ok, report


def test_recorded_pages_go_through_the_real_paging(tried):
    report = tried(
        SHARED
        + """\
tests:
  - name: two pages, the first only after a retry
    given:
      params: {country: PT}
      answers:
        shop:
          - {status: 503, text: busy, headers: {Retry-After: "20"}}
          - {body: {orders: [{id: 1, status: open, customer: a, note: n}], next: p2}}
          - {body: {orders: [{id: 2, status: open, customer: a, note: n}], next: null}}
    expect:
      match: partial
      entities: [{Number: 1}, {Number: 2}]
      requests:
        shop:
          - {method: GET, path: /orders, query: {from: "2026-01-01T00:00:00Z", country: PT}}
          - {query: {from: "2026-01-01T00:00:00Z", country: PT}}
          - {query: {from: "2026-01-01T00:00:00Z", country: PT, cursor: p2}}
"""
    )
    assert report.ok, report


def test_an_answer_that_is_missing_is_named(tried):
    report = tried(
        SHARED
        + """\
tests:
  - name: the second page was forgotten
    given:
      answers: {shop: [{body: {orders: [], next: p2}}]}
    expect: {entities: []}
"""
    )
    (outcome,) = report.outcomes
    assert outcome.failures[0].startswith(
        "GET /orders?from=2026-01-01T00:00:00Z&country=ES&cursor=p2 to Connection 'shop'"
    )
    assert "given.answers.shop" in outcome.failures[0]


def test_html_instead_of_json_fails_the_run_as_expected(tried):
    report = tried(
        """\
tests:
  - name: a login page
    given: {answers: {shop: [{text: "<html>log in</html>", headers: {Content-Type: text/html}}]}}
    expect: {error: "shop: GET /orders"}
  - name: the same, and no error expected
    given: {answers: {shop: [{text: "<html>log in</html>", headers: {Content-Type: text/html}}]}}
    expect: {entities: []}
  - name: an error that does not come
    given: {entities: []}
    expect: {error: "x"}
"""
    )
    assert [outcome.passed for outcome in report.outcomes] == [True, False, False]
    assert report.outcomes[1].failures[0].startswith("the run failed: shop: GET /orders")


def test_every_difference_is_told(tried):
    report = tried(
        SHARED
        + """\
tests:
  - name: nothing fits
    given:
      entities:
        - {id: 1, status: open, customer: a}
        - {id: 2, status: closed, customer: a}
        - {id: 3, status: open, customer: b}
    expect:
      entities: [{Number: "1", Name: Ada, Note: null, Regio: North}, {Number: 2}]
      filtered: ["9"]
      merged: ["8"]
      rejected: {"4": no such}
      requests: {erp: [{method: PUT, path: /x, headers: {X-Y: z}}, {path: /documents}]}
      balance: {delivered: 5, deliverd: 1}
      warnings: [other]
"""
    )
    (outcome,) = report.outcomes
    text = "\n".join(outcome.failures)
    for line in (
        "rejected: 3 was rejected, which is not expected:",
        "rejected: expected 4 to be rejected, but it was never fetched",
        "filtered: expected 9, but it was not filtered",
        "filtered: 2 was filtered by transform.0.filter, which is not expected",
        "merged: expected 8, but it was not merged",
        'entities[0] (1) Number: expected "1", got 1',
        'entities[0] (1) Regio: expected "North", but the field is missing',
        'entities[0] (1) Region: not expected, got "North"',
        'entities[1]: expected {"Number":2}, but only 1 came',
        'requests.erp[0] method: expected "PUT", got "POST"',
        'requests.erp[0] path: expected "/x", got "/documents"',
        "requests.erp[0] headers.X-Y: expected 'z', but it was not sent",
        "requests.erp[1]: expected a request /documents, but only 1 came",
        "balance.delivered: expected 5, got 1",
        "balance: there is no count 'deliverd', did you mean 'delivered'?",
        "warnings: expected one with 'other'",
        "warnings: not expected: ",
    ):
        assert line in text
    assert str(report).endswith("0 passed, 1 failed")


def test_what_the_target_answers_decides_the_balance(tried):
    report = tried(
        SHARED
        + """\
tests:
  - name: refused
    given:
      entities: [{id: 1, status: open, customer: a}]
      answers: {erp: [{status: 422, body: {error: no such customer}}]}
    expect: {balance: {failed: 1, delivered: 0}}
"""
    )
    assert report.ok, report


def test_shared_givens_are_joined_and_replaced(tried):
    report = tried(
        SHARED
        + """\
tests:
  - name: another Variable, another answer of the same system
    given:
      var: {region: South}
      entities: [{id: 1, status: open, customer: z}]
      answers: {crm: [{body: {name: Zoe}}]}
    expect:
      match: partial
      entities: [{Name: Zoe, Region: South}]
"""
    )
    assert report.ok, report


def test_files_of_entities_and_answers(tried, root: Path):
    (root / "sample.jsonl").write_text('{"id": 1, "status": "open", "customer": "a"}\n')
    (root / "ada.json").write_text('{"name": "Ada from a file"}')
    report = tried(
        """\
tests:
  - name: from files
    given:
      file: sample.jsonl
      var: {region: x}
      answers: {crm: [{file: ada.json, headers: {Content-Type: application/json}}]}
    expect: {match: partial, entities: [{Name: Ada from a file}]}
"""
    )
    assert report.ok, report


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tests:\n  - name: a\n    expect: {entitis: []}\n", "routes/orders.test.yaml:3:14  tests.0.expect"),
        ("tests:\n  - name: a\n    expect: {}\n", "routes/orders.test.yaml:3:5  tests.0.expect"),
        ("tests:\n  - name: a\n    expect: {match: partial}\n", "nothing to compare"),
        ("tests: []\n", "routes/orders.test.yaml:1:"),
        ("route: other\ntests:\n  - {name: a, expect: {entities: []}}\n", "no file holds the route 'other'"),
        ("tests:\n  - {name: a, given: {file: no.json}, expect: {entities: []}}\n", "no file 'no.json'"),
        (
            "tests:\n  - {name: a, given: {file: ../../etc/passwd}, expect: {entities: []}}\n",
            "leaves the routes folder",
        ),
        ("tests:\n  - {name: a, expect: {error: '('}}\n", "is not a regular expression"),
        (
            "tests:\n  - {name: a, expect: {error: x}}\n  - {name: a, expect: {error: x}}\n",
            "two tests have one name: 'a'",
        ),
        (
            "tests:\n  - {name: a, given: {answers: {shop: [{body: 1, text: x}]}}, expect: {error: x}}\n",
            "an answer has one body",
        ),
        ("tests: [\n", "routes/orders.test.yaml:"),
    ],
)
def test_mistakes_have_their_place(tried, text, told):
    report = tried(text)
    assert not report.ok
    assert report.outcomes == []
    assert told in str(report)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("params: {contry: PT}", "given: route orders has no param 'contry', did you mean 'country'?"),
        ("window: {start: '2026-01-02T00:00:00Z', end: '2026-01-01T00:00:00Z'}", "the window starts at"),
        ("window: {start: '2026-01-02', end: '2026-01-03'}", "time zone"),
        ("entities: [{id: 1, status: open, customer: a}]", "no Variable 'region'"),
    ],
)
def test_impossible_givens_fail_the_test_in_words(tried, given, told):
    answers = "answers: {crm: [{body: {name: Ada}}]}"
    report = tried(f"tests:\n  - {{name: a, given: {{{given}, {answers}}}, expect: {{entities: []}}}}\n")
    (outcome,) = report.outcomes
    assert told in "\n".join(outcome.failures)


def test_a_broken_route_is_told_and_other_tests_run(tried, root: Path):
    (root / "broken.yaml").write_text("entity: {}\n")
    (root / "broken.test.yaml").write_text("tests:\n  - {name: a, expect: {error: x}}\n")
    report = tried("tests:\n  - {name: b, given: {entities: []}, expect: {entities: []}}\n")
    assert [outcome.name for outcome in report.outcomes] == ["b"]
    assert {mistake.file for mistake in report.mistakes} == {"routes/broken.yaml"}


def test_python_steps_cannot_reach_the_network(root: Path, monkeypatch: pytest.MonkeyPatch):
    route = (root / "orders.yaml").read_text()
    steps = "transform:\n  - python: {function: testing_reaching_out:reach}\n"
    (root / "orders.yaml").write_text(route[: route.index("transform:")] + steps + route[route.index("outgoing:") :])
    (root / "orders.test.yaml").write_text(
        "tests:\n  - {name: a, given: {entities: [{id: 1}]}, expect: {entities: [{id: 1}]}}\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("REACH_PORT", str(listening.getsockname()[1]))
        report = run_route_tests(root)
        assert not report.ok
        assert "tried to reach the network" in str(report)
        listening.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listening.accept()
    assert urllib.request  # imported before the block: names bound early don't slip by


def test_only_and_files(tried, root: Path):
    nothing = "given: {entities: []}, expect: {entities: []}"
    tried(f"tests:\n  - {{name: Alpha, {nothing}}}\n  - {{name: beta, {nothing}}}\n")
    assert [outcome.name for outcome in run_route_tests(root, only="ALPHA").outcomes] == ["Alpha"]
    assert run_route_tests(root, files=[]).outcomes == []


def test_junit(tried):
    report = tried(
        "tests:\n  - {name: good, given: {entities: []}, expect: {entities: []}}\n"
        '  - {name: "bad \\x07", given: {entities: []}, expect: {entities: [1]}}\n'
    )
    suite = ElementTree.fromstring(junit(report).encode())
    assert suite.attrib["tests"] == "2"
    assert suite.attrib["failures"] == "1"
    assert [case.attrib["name"] for case in suite] == ["good", "bad \N{REPLACEMENT CHARACTER}"]
    assert "expected 1" in (suite.findtext(".//failure") or "")
