"""Values that could change the meaning of what they are written into are found when the route is read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.route.definition import Route

SHOP = {"http": {"connection": "shop", "path": "/orders"}}
ERP = {"connection": "erp", "path": "/o"}


def mistakes(**parts: Any) -> dict[str, str]:
    definition = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.id"},
        "params": {"shop": "a"},
        "incoming": SHOP,
        "outgoing": {"http": ERP},
        **parts,
    }
    try:
        Route.load(definition)
    except ValidationError as error:
        return {".".join(map(str, found["loc"])): found["msg"] for found in error.errors()}
    return {}


def body(text: str, content_type: str | None = None, **more: Any) -> dict[str, str]:
    given = {} if content_type is None else {"content_type": content_type}
    return mistakes(outgoing={"http": {**ERP, "body_text": text, **given, **more}})


@pytest.mark.parametrize(
    ("text", "content_type", "remedy"),
    [
        ("<name>{{ order.name }}</name>", "text/xml", "{{ order.name | xml }}"),
        ("<name>{{ order.name }}</name>", "application/soap+xml; charset=utf-8", "| xml"),
        ("<name>{{ order.name }}</name>", None, "| xml"),
        ("<p>{{ order.name }}</p>", "text/html", "| xml"),
        ("<n>{{ order.name | json }}</n>", "text/xml", "| xml"),
        ("<n>{{ order.name | xml | upper }}</n>", "text/xml", "| xml"),
        ("<n>{{ order.name | default(order.id) }}</n>", "text/xml", "| xml"),
        ("<n>{{ order.name if order.id else 'x' }}</n>", "text/xml", "| xml"),
        ("{% for l in order.lines %}<l>{{ l.sku }}</l>{% endfor %}", "text/xml", "{{ l.sku | xml }}"),
        ("{% set n = order.name %}<n>{{ n }}</n>", "text/xml", "{{ n | xml }}"),
        ("a={{ order.name }}", "application/x-www-form-urlencoded", "| urlencode"),
        ('{"a": "{{ order.name }}"}', "application/json", "| json"),
        ('{"a": {{ order.name }}}', "application/vnd.api+json", "| json"),
        ('{"a": {{ order.name }}}', None, "| json"),
    ],
)
def test_a_bare_value_in_a_body_is_a_mistake(text: str, content_type: str | None, remedy: str) -> None:
    found = body(text, content_type)
    assert list(found) == ["outgoing.http.body_text"]
    assert remedy in found["outgoing.http.body_text"]


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        ("<n>{{ order.name | xml }}{{ order.name | upper | xml }}{{ order.x | raw }}</n>", "text/xml"),
        ("<n>{{ order.name | xml | default('none') }}{{ order.lines | length }}</n>", "text/xml"),
        ("<n>{{ window.start }}{{ window.end | in_tz('Europe/Madrid') | format('DD') }}</n>", "text/xml"),
        ("{% for l in order.lines %}<l n='{{ loop.index }}'>{{ l | xml if l else '' }}</l>{% endfor %}", "text/xml"),
        ("{% set n = order.name | xml %}<n>{{ n }}</n>", "text/xml"),
        ("a={{ order.name | urlencode }}", "application/x-www-form-urlencoded"),
        ('{"a": {{ order.name | json }}}', "application/json"),
        ("{{ order.name }}", None),
        ("{{ order.name }}", "text/plain"),
        ("<name/>", "text/xml"),
    ],
)
def test_an_escaped_value_is_none(text: str, content_type: str | None) -> None:
    assert body(text, content_type) == {}


def test_requests_below_take_the_type_and_the_text_that_stand_above_them() -> None:
    upsert = {
        "find": {"path": "/o"},
        "create": {"path": "/o", "body_text": "<n>{{ order.name }}</n>"},
        "update": {"path": "/o", "content_type": "text/xml"},
    }
    options = {"connection": "erp", "content_type": "text/plain", "body_text": "{{ order.name }}", "upsert": upsert}
    assert list(mistakes(outgoing={"http": options})) == ["outgoing.http.upsert.update.content_type"]
    options |= {"content_type": "application/xml"}
    assert list(mistakes(outgoing={"http": options})) == [
        "outgoing.http.body_text",
        "outgoing.http.upsert.create.body_text",
        "outgoing.http.upsert.update.content_type",
    ]


def test_a_fetch_s_body_counts_by_its_header() -> None:
    bare = {"body_text": "<q>{{ params.shop }}</q>", "headers": {"content-type": "text/xml"}, "method": "POST"}
    assert list(mistakes(incoming={"http": {**SHOP["http"], **bare}})) == ["incoming.http.body_text"]


QUOTED = "Number eq '{{ order.id }}'"


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"incoming": {"http": {**SHOP["http"], "query": {"q": "a eq '{{ params.shop }}'"}}}}, "incoming.http.query.q"),
        ({"incoming": {"http": {**SHOP["http"], "path": "/O('{{ params.shop }}')"}}}, "incoming.http.path"),
        ({"incoming": {"http": {**SHOP["http"], "path": "/O(%27{{ params.shop }}%27)"}}}, "incoming.http.path"),
        ({"outgoing": {"http": {**ERP, "query": {"$filter": QUOTED}}}}, "outgoing.http.query.$filter"),
        (
            {
                "outgoing": {
                    "http": {
                        "connection": "erp",
                        "upsert": {"find": {"path": "/o", "query": {"f": QUOTED}}, "create": {"path": "/o"}},
                    }
                }
            },
            "outgoing.http.upsert.find.query.f",
        ),
        (
            {
                "outgoing": {"http": {**ERP, "verify": {"path": "/o", "query": {"f": QUOTED}}}},
                "delivery": {"in_doubt": "verify"},
            },
            "outgoing.http.verify.query.f",
        ),
        (
            {
                "transform": [
                    {"lookup": {"name": "c", "http": {"connection": "erp", "path": "/c", "query": {"f": QUOTED}}}}
                ]
            },
            "transform.0.lookup.http.query.f",
        ),
    ],
)
def test_a_bare_value_between_single_quotes_is_a_mistake(parts: dict[str, Any], place: str) -> None:
    found = mistakes(**parts)
    assert list(found) == [place]
    assert "| odata }}" in found[place]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('email IS "{{ order.email }}"', "between double quotes"),
        ('project = "{{ order.a }}" AND name ~ "{{ order.b | json }}"', "between double quotes"),
        ('{"name": "{{ order.name }}"}', "in JSON"),
        ('{"name": {{ order.name }}}', "in JSON"),
        ('["{{ order.name }}"]', "in JSON"),
    ],
)
def test_a_bare_value_between_double_quotes_is_a_mistake(text: str, told: str) -> None:
    found = mistakes(outgoing={"http": {**ERP, "query": {"q": text}}})
    assert told in found["outgoing.http.query.q"]
    assert "| json }}" in found["outgoing.http.query.q"]


@pytest.mark.parametrize(
    "text",
    [
        "email IS {{ order.email | json }}",
        'email IS "{{ order.email | raw }}" and at > "{{ window.start }}"',
        '{"name": {{ order.name | json }}, "at": "{{ window.start }}"}',
        'name:{{ order.name }} "fixed"',
    ],
)
def test_a_value_that_brings_its_quotes_is_none(text: str) -> None:
    assert mistakes(outgoing={"http": {**ERP, "query": {"q": text}}}) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Number eq '{{ order.id | odata }}'",
        "Number eq '{{ order.id | raw }}' and x eq {{ order.id | round }}",
        "Date ge datetime'{{ window.start }}'",
        "{% if order.id %}a eq '{{ order.id | odata }}'{% else %}b eq '1'{% endif %} or {{ order.x }}",
    ],
)
def test_values_that_cannot_end_the_text_are_none(text: str) -> None:
    assert mistakes(outgoing={"http": {**ERP, "query": {"$filter": text}}}) == {}


def test_a_value_is_not_encoded_twice() -> None:
    found = mistakes(outgoing={"http": {**ERP, "query": {"q": "{{ order.id | urlencode }}"}}})
    assert "twice" in found["outgoing.http.query.q"]


def test_a_list_is_for_a_query_alone() -> None:
    assert not mistakes(outgoing={"http": {**ERP, "query": {"ids": [1, 2]}}})
    found = mistakes(outgoing={"http": {**ERP, "headers": {"X-Ids": [1, 2]}}})
    assert "`query` takes a list of texts" in next(iter(found.values()))
    path = "/orders?{% for id in params.ids %}ids={{ id }}&{% endfor %}"  # as many as a run says
    assert mistakes(outgoing={"http": {**ERP, "path": path}}, params={"ids": [1]}) == {}


def test_a_text_of_several_in_a_query_is_escaped_like_one() -> None:
    found = mistakes(outgoing={"http": {**ERP, "query": {"f": ["a", "Name eq '{{ order.name }}'"]}}})
    assert "| odata" in next(iter(found.values()))


@pytest.mark.parametrize("used", ["hex", "base64url", "slug", "urlencode"])
def test_a_filter_whose_letters_a_payload_chooses_is_no_proof_against_a_number(used: str) -> None:
    found = mistakes(outgoing={"http": {**ERP, "query": {"f": f"Id eq {{{{ order.name | {used} }}}}"}}})
    assert found
    assert not mistakes(outgoing={"http": {**ERP, "query": {"f": "Id eq {{ order.name | integer }}"}}})


def test_base64_is_no_filter_for_a_form() -> None:
    texts = {"sha256": False, "sha256('base64')": True, "base64": True, "base64url": False, "slug(order.mark)": True}
    for used, refused in texts.items():
        form = {
            **ERP,
            "body_text": f"a={{{{ order.name | {used} }}}}",
            "content_type": "application/x-www-form-urlencoded",
        }
        assert bool(mistakes(outgoing={"http": form})) is refused, used


def asked(text: str, **more: Any) -> dict[str, str]:
    upsert = {"find": {"path": "/o", "query": {"$filter": text}}, "create": {"path": "/o"}}
    return mistakes(outgoing={"http": {"connection": "erp", "upsert": upsert}}, **more)


@pytest.mark.parametrize(
    "text",
    [
        "Id eq {{ order.id }}",
        "Name eq 'a' and Id ge {{ order.id }}",
        "Id eq {{ order.id | odata }}",
        "(Id eq {{ source.id }})",
        "Id eq({{ order.id }})",
        "Id in ({{ order.id }})",
        "Id in (1, {{ order.id }})",
        "{% for id in order.ids %}Id eq {{ id }}{% endfor %}",
        "{% if order.id %}Id ne {{ order.id }}{% endif %}",
    ],
)
def test_a_value_of_a_payload_that_is_compared_without_quotes_is_a_mistake(text: str) -> None:
    (told,) = asked(text).values()
    assert "a value such as 1 or true would change the question" in told
    assert "| round }}" in told


@pytest.mark.parametrize(
    "text",
    [
        "Id eq {{ order.id | round }}",
        "Id eq {{ order.id | raw }}",
        "Id eq '{{ order.id | odata }}'",
        "At ge {{ window.start }} and Shop eq {{ params.shop }}",
        "At ge {{ window.start | iso }}",
        "At ge {{ order.at | iso }}",
        "{{ order.id }} eq Id",
        "Id eq 5",
    ],
)
def test_a_value_that_cannot_change_the_question_is_none(text: str) -> None:
    assert not any("would change the question" in told for told in asked(text).values())


def test_a_search_text_is_none_either() -> None:
    """What stands in no filter is a value of its own, which the client encodes."""
    assert asked("{{ order.id }}") == {}


def test_what_airflow_names_is_no_payload() -> None:
    assert asked("At ge {{ ds }}", schedule={"every": "5m"}) == {}
