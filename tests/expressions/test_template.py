"""Templates: values in a request's text, their encoding, and what is refused."""

from __future__ import annotations

import contextlib
import copy
import pickle
import re
from decimal import Decimal
from typing import Annotated, Any
from unicodedata import category
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from airflow_integrations.config.model import Model
from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions import Flavor, Namespace, Sees, Template
from airflow_integrations.window import Window

NAMES: dict[str, Any] = {
    "window": Window.parse("2026-01-31T23:05:00.250Z", "2026-02-01T00:00:00Z").names(),
    "order": {
        "number": "A/1 ü",
        "items": ["x", "y"],
        "total": Decimal("19.90"),
        "big": 12345678901234567890123,
        "paid": True,
        "note": None,
        "evil": "a\r\nX-Admin: 1",
        "lines": [{"sku": "X", "qty": 2}, {"sku": "Y", "qty": 3}],
        "_id": "abc",
        "created": "2026-01-31T23:30:00+01:00",
    },
    "params": {"shop": "north"},
    "var": Namespace("var", {"tenant": "t1"}.get),
}


def rendered(text: str, flavor: Flavor = "text", **names: Any) -> str:
    return Template(text, "entity", flavor).render({**NAMES, **names})


@pytest.mark.parametrize(
    ("text", "flavor", "expected"),
    [
        ("/orders", "path", "/orders"),
        ("/orders/{{ order.number }}/x", "path", "/orders/A%2F1%20%C3%BC/x"),
        ("/{{ order.number | raw }}", "path", "/A/1 ü"),
        ("/{{ 'a/b' }}", "path", "/a%2Fb"),
        ("{{ order.number }}", "query", "A/1 ü"),
        ("{{ window.start }}", "query", "2026-01-31T23:05:00.250000Z"),
        ("{{ window.end }}", "path", "2026-02-01T00%3A00%3A00Z"),
        ("{{ window.start | date }}", "query", "2026-01-31"),
        ("{{ window.start | unix }}/{{ window.start | unix_ms }}", "query", "1769900700/1769900700250"),
        ("{{ window.start | in_tz('Europe/Madrid') | format('YYYY-MM-DD HH:mm') }}", "query", "2026-02-01 00:05"),
        ("{{ window.start | in_tz('Europe/Madrid') | iso }}", "query", "2026-01-31T23:05:00.250000Z"),
        ("{{ order.created | iso }}", "text", "2026-01-31T22:30:00Z"),
        ("{{ order.items | join(';') }}", "text", "x;y"),
        ("{{ order['_id'] }}", "text", "abc"),
        ("{{ order.total }} {{ order.big + 1 }} {{ order.paid }}", "text", "19.90 12345678901234567890124 true"),
        ("{{ order.note | default('none') }}{{ order.a.b.c | default('!') }}", "text", "none!"),
        ("{% if order.note %}yes{% else %}no{% endif %}", "text", "no"),
        ("{% if order.note is none and order.nope is not defined %}yes{% endif %}", "text", "yes"),
        (
            "{% for l in order.lines %}{{ loop.index }}:{{ l.sku }}{% if not loop.last %},{% endif %}{% endfor %}",
            "text",
            "1:X,2:Y",
        ),
        ("{% for k, v in params | items %}{{ k }}={{ v }}{% endfor %}", "text", "shop=north"),
        ("{% set s = params.shop | upper %}{{ s }}", "text", "NORTH"),
        ("{{ var.tenant }}", "text", "t1"),
        ("{{ order.lines | length }}{{ order.lines[0].sku }}{{ (order.lines | last).qty }}", "text", "2X3"),
        ("{{ order.lines | json }}", "text", '[{"sku":"X","qty":2},{"sku":"Y","qty":3}]'),
        ("{{ order.total | round }}", "text", "20"),
        ("a\n", "text", "a\n"),
        ("{{ 'a' }}\n", "text", "a\n"),
        ("{# nothing #}x", "text", "x"),
    ],
)
def test_renders(text: str, flavor: Flavor, expected: str) -> None:
    assert rendered(text, flavor) == expected


@pytest.mark.parametrize(
    ("text", "flavor", "words"),
    [
        ("{{ order.nope }}", "text", ["order.nope is missing", "{{ order.nope | default('…') }}"]),
        ("{{ order.note }}", "text", ["order.note is missing"]),
        ("{{ order.customer.address.city }}", "text", ["order.customer.address.city is missing"]),
        ("{{ order.note | upper }}", "text", ["order.note is missing"]),
        ("{{ order.note + 1 }}", "text", ["order.note is missing"]),
        ("{% for l in order.nope %}{% endfor %}", "text", ["order.nope is missing"]),
        ("{% for l in order %}{% endfor %}", "text", ["an object, not a list"]),
        ("{{ nobody }}", "text", ["nobody is missing"]),
        ("{{ order.items }}", "text", ["a list"]),
        ("{{ order }}", "text", ["an object"]),
        ("{{ window }}", "text", ["no text"]),
        ("{{ order.number.nope }}", "text", ["text, not an object"]),
        ("/x/{{ params.shop[9:] }}", "path", ["another address"]),
        ("/x/{{ '..' }}", "path", ["another address"]),
        ("/x/{{ '../../admin' | raw }}", "path", [". or .."]),
        ("/x/{{ order.evil | raw }}", "path", ["control characters"]),
        ("{{ order.evil }}", "header", ["line break"]),
        ("{{ order.number | in_tz('Europe/Madrid') }}", "text", ["not a date"]),
        ("{{ window.start | in_tz(order.number) }}", "text", ["time zone is unknown"]),
        ("{{ 'x' * 999999999 }}", "text", ["cannot be multiplied"]),
        ("{{ 9 ** 99999 }}", "text", ["digits"]),
        ("{{ order.total / 0 }}", "text", ["division"]),
        ("{{ '%999999999d' % 1 }}", "text", ["f-string"]),
        ("{{ order['__class__'] }}", "text", ["missing"]),
        ("{{ ''['__class__'] }}", "text", ["position"]),
        ("{{ order.number['upper'] }}", "text", ["position"]),
        ("{% for l in order.lines %}{{ loop['_iterator'] }}{% endfor %}", "text", ["missing"]),
    ],
)
def test_errors_name_the_value(text: str, flavor: Flavor, words: list[str]) -> None:
    with pytest.raises(EntityError) as caught:
        rendered(text, flavor)
    for word in words:
        assert word in caught.value.reason
    assert "X-Admin" not in caught.value.reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ order.", "cannot be read"),
        ("{% if x %}", "cannot be read"),
        ("{{ order.number.upper() }}", "| upper"),
        ("{{ range(9) }}", "use a filter"),
        ("{{ lipsum.__globals__ }}", "begin with _"),
        ("{{ order.__class__ }}", "begin with _"),
        ("{{ order | attr('__class__') }}", "unknown filter 'attr'"),
        ("{{ order | map(attribute='x') }}", "unknown filter 'map'"),
        ("{{ order.number | uper }}", "did you mean 'upper'"),
        ("{{ order.number | _counted }}", "unknown filter"),
        ("{% include 'x' %}", "include"),
        ("{% import 'x' as y %}", "import"),
        ("{% from 'x' import y %}", "import"),
        ("{% extends 'x' %}", "extend"),
        ("{% macro x() %}{% endmacro %}", "macros"),
        ("{% block x %}{% endblock %}", "blocks"),
        ("{% filter upper %}{% endfilter %}", "behind the value"),
        ("{{ a ~ b }}", "one after the other"),
        ("{{ order.total * 1.21 }}", "exact"),
        ("{{" + "(" * 3000 + ")" * 3000 + "}}", "template"),
        ("x" * 100_001, "characters"),
    ],
)
def test_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        Template(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("flavor", ["path", "query", "header"])
def test_output_is_bounded(flavor: Flavor) -> None:
    with pytest.raises(EntityError, match="8000 characters"):
        rendered("{{ order.number }}", flavor, order={"number": "x" * 8001})


def test_loops_are_bounded() -> None:
    with pytest.raises(EntityError, match="1000000 elements"):
        rendered("{% for a in xs %}{% for b in xs %}{% endfor %}{% endfor %}", xs=[0] * 2000)


def leads_up(value: str) -> bool:
    """Whether a server that decodes a path once more, or takes a backslash for a slash, may find a step of dots."""
    if any(step.partition(";")[0].strip() in (".", "..") for step in re.split(r"[/\\]", value)):
        return True
    decoded = unquote(value)
    return decoded != value and leads_up(decoded)


@settings(max_examples=60, deadline=None)
@given(value=st.text(min_size=1))
@example(".\\")
@example("a\\..\\b")
@example("%2e%2E")
@example("a.b")
def test_a_value_in_a_path_is_one_step_and_comes_back(value: str) -> None:
    value = value.encode("utf-8", "ignore").decode() or "x"
    try:
        path = rendered("/a/{{ order.x }}/b", "path", order={"x": value})
    except EntityError:
        assert leads_up(value)
        return
    first, second, step, last = path.split("/")
    assert (first, second, last) == ("", "a", "b")
    assert unquote(step, errors="strict") == value
    assert path.isascii()
    assert not set(path) & set("?# \r\n")


@settings(max_examples=60, deadline=None)
@given(value=st.text())
def test_a_header_never_breaks(value: str) -> None:
    try:
        text = rendered("v={{ order.x }}", "header", order={"x": value})
    except EntityError:
        assert any(category(character) in ("Cc", "Zl", "Zp") for character in value)
    else:
        assert text == f"v={value}"
        assert text.splitlines() == [text]


@settings(max_examples=60, deadline=None)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)
    )
)
def test_nothing_but_an_entity_error_leaves(value: Any) -> None:
    for text in (
        "{{ order.x }}",
        "{{ order.x.y | default('') }}",
        "{% for a in order.x %}{{ a }}{% endfor %}",
        "{{ order.x | upper }}",
        "{{ order.x | date }}",
    ):
        with contextlib.suppress(EntityError):
            assert isinstance(rendered(text, order={"x": value}), str)


def test_a_missing_variable_is_the_deployments_fault() -> None:
    with pytest.raises(SetupError, match="no Variable 'nope'"):
        rendered("{{ var.nope | default('x') }}")


def test_reads() -> None:
    template = Template(
        "{{ order.customer.name }}{{ order['a'].b | default(window.start) }}"
        "{% for l in order.lines %}{{ l.sku }}{{ loop.index }}{{ tax.code }}{% endfor %}{% set s = order.q %}{{ s.x }}"
    )
    assert template.names == {"order", "window", "tax"}
    assert template.fields == {
        ("order", "customer", "name"),
        ("order", "a", "b"),
        ("window", "start"),
        ("order", "lines"),
        ("order", "lines", "*", "sku"),
        ("tax", "code"),
        ("order", "q"),
    }
    assert Template("/plain").names == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order.number", True),
        (" order.a.b ", True),
        ("/orders", False),
        ("order", False),
        ("shop.example", False),
        ("{{ order.x }}", False),
    ],
)
def test_looks_like_an_expression(text: str, expected: bool) -> None:
    assert (Template(text).field_as_text({"order", "window"}) is not None) is expected


def test_in_a_model() -> None:
    class Config(Model):
        path: Annotated[Template, Sees("run", flavor="path")]
        query: dict[str, Annotated[Template, Sees("run", flavor="query")]] = {}  # noqa: RUF012

    config = Config(
        path="/a/{{ params.x }}", query={"n": 1, "d": Decimal("1.50"), "b": True, "t": "{{ window.start }}"}
    )
    assert (config.path.sees, config.path.flavor) == ("run", "path")
    assert config.model_dump(mode="json") == {
        "path": "/a/{{ params.x }}",
        "query": {"n": "1", "d": "1.50", "b": "true", "t": "{{ window.start }}"},
    }
    assert Config(path=Template("/a", "entity", "text")).path == Template("/a", "run", "path")
    for wrong in (None, ["a"], {"a": 1}):
        with pytest.raises(ValidationError, match="a text belongs here"):
            Config(path=wrong)
    config.path.render({"params": {"x": 1}})
    assert pickle.loads(pickle.dumps(config.path)) == config.path
    assert copy.deepcopy(config.path) is config.path
    assert hash(config.path) == hash(Template("/a/{{ params.x }}", "run", "path"))
    assert "string" in Config.model_json_schema()["properties"]["path"]["type"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/x/order.number", "order.number"),
        ("/x/order.number/{{ order.id }}?a=order.b", "order.number"),
        ("/{{ order.id }}/lines", None),
        ("/order.json", None),
        ("/v1.order", None),
    ],
)
def test_a_field_without_braces_in_a_path(path: str, found: str | None) -> None:
    assert Template(path, "request", "path").field_as_text({"order", "window"}) == found


@pytest.mark.parametrize(
    "value",
    [
        "..",
        "a/../b",
        "%2e%2e/x",
        "%2E./x",
        "a/..;/b",
        "a/..;x=1/b",
        "a\\..\\b",
        "a%5c..%5cb",
        "a%2f..%2fb",
        "%252e%252e/x",
        "%c0%ae./x",
        "./a",
        "a/.",
    ],
)
def test_no_raw_value_leads_up_in_whatever_encoding(value: str) -> None:
    template = Template("/files/{{ x | raw }}", "run", "path")
    with pytest.raises(EntityError, match="as a step"):
        template.render({"x": value})


@pytest.mark.parametrize("value", ["a/b", "a..b/c", ".hidden", "a.json", "...", "a%20b", "a?x=../b", "100%"])
def test_other_raw_values_stay_as_they_are(value: str) -> None:
    assert Template("/files/{{ x | raw }}", "run", "path").render({"x": value}) == f"/files/{value}"


def test_a_step_made_of_two_values_is_refused() -> None:
    with pytest.raises(EntityError, match="as a step"):
        Template("/files/{{ x | raw }}{{ y | raw }}/z", "run", "path").render({"x": ".", "y": "."})


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")))
def test_xml_gives_back_what_was_written(value: str) -> None:
    written = Template('<a b="{{ x | xml }}">{{ x | xml }}</a>').render({"x": value})
    element = ElementTree.fromstring(written)
    assert element.attrib["b"] == value
    assert (element.text or "") == value


def test_xml_has_no_control_characters() -> None:
    with pytest.raises(EntityError, match="control character"):
        Template("<a>{{ x | xml }}</a>").render({"x": "a\x00"})


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_form_s_value_and_a_quoted_text_give_back_what_was_written(value: str) -> None:
    assert parse_qsl(Template("a={{ x | urlencode }}&b=1").render({"x": value}), keep_blank_values=True)[0] == (
        "a",
        value,
    )
    quoted = Template("'{{ x | odata }}'").render({"x": value})
    assert quoted[1:-1].replace("''", "").count("'") == 0
    assert quoted[1:-1].replace("''", "'") == value
