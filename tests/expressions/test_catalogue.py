"""The catalogue: what functions give, as functions and as filters."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, Template
from airflow_integrations.expressions.functions import CATALOGUE
from airflow_integrations.expressions.functions.money import DIGITS

LINES = [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}, {"sku": "A", "qty": 3}, {"qty": 4}]
NAMES: dict[str, Any] = {
    "o": {"name": "Größe", "lines": LINES, "phone": "+34 (600) 11-22", "note": "see PO-4711 and PO-0042", "none": None}
}
UTF8 = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def value(text: str, **names: Any) -> Any:
    return Expression(text).compile()({**NAMES, **names})


def rendered(text: str, **names: Any) -> str:
    return Template(text, "entity").render({**NAMES, **names})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base64('a:b')", "YTpi"),
        ("base64(o.name)", "R3LDtsOfZQ=="),
        ("base64url('?>')", "Pz4"),
        ("from_base64('Pz4')", "?>"),
        ("from_base64('Pz4=')", "?>"),
        ("from_base64('R3LD\\n tsOfZQ==')", "Größe"),
        ("hex('é')", "c3a9"),
        ("from_hex('C3A9')", "é"),
        ("sha256('a', 'base64')", base64.b64encode(hashlib.sha256(b"a").digest()).decode()),
        ("sha256('a', encoding='base64url')", base64.urlsafe_b64encode(hashlib.sha256(b"a").digest()).decode()[:-1]),
        ("sha384('a')", hashlib.sha384(b"a").hexdigest()),
        ("sha512('a')", hashlib.sha512(b"a").hexdigest()),
        ("urlencode('a b/ü')", "a%20b%2F%C3%BC"),
        ("urldecode('a+b%2F%C3%BC')", "a b/ü"),
        ("xml('<a & \"b\">')", "&lt;a &amp; &quot;b&quot;&gt;"),
        ('odata("O\'Neil")', "O''Neil"),
        ("to_json({'a': 1.50})", '{"a":1.50}'),
        ("parse_xml('<o n=\"1\"><l>a</l><l>b</l></o>')", {"o": {"@n": "1", "l": ["a", "b"]}}),
        ("parse_xml('<o xmlns=\"urn:x\"><t>1.10</t></o>').o.t", "1.10"),
        ("regex_extract(o.note, 'PO-([0-9]+)')", "4711"),
        ("regex_extract(o.note, 'PO-[0-9]+')", "PO-4711"),
        ("regex_extract(o.note, 'PO-(?P<a>[0-9])(?P<b>[0-9]+)')", {"a": "4", "b": "711"}),
        ("regex_extract(o.note, '(P)(O)|(x)')", ["P", "O", None]),
        ("regex_extract(o.note, 'nothing')", None),
        ("regex_extract(o.none, 'x')", None),
        ("regex_extract_all(o.note, 'PO-([0-9]+)')", ["4711", "0042"]),
        ("regex_extract_all(o.note, 'x')", []),
        ("regex_replace(o.phone, '[^0-9+]', '')", "+346001122"),
        (r"regex_replace('2026-01-31', '^([0-9]+)-([0-9]+)-([0-9]+)$', r'\3.\2.\1')", "31.01.2026"),
        ("regex_replace('é', 'x*', '-')", "-é-"),
        (r"regex_replace('a', 'a', r'\\')", "\\"),
        ("matches('x\\ny', '(?m)^y$')", True),
        ("money('19.905', 'EUR')", Decimal("19.90")),
        ("money('19.905', 'EUR', 'half_up')", Decimal("19.91")),
        ("money(1234.5, 'jpy')", Decimal("1234")),
        ("money('1.2345', 'KWD')", Decimal("1.234")),
        ("minor_units('19.90', 'EUR')", 1990),
        ("minor_units(1990, 'JPY')", 1990),
        ("from_minor_units(1990, 'EUR')", Decimal("19.90")),
        ("from_minor_units('1990', 'JPY')", Decimal("1990")),
        ("iso_week('2027-01-01')", "2026-W53"),
        ("iso_week('2026-01-31')", "2026-W05"),
        ("iso_weekday('2026-02-01')", 7),
        ("iso('2026-01-31T10:00:00+01:00')", "2026-01-31T09:00:00Z"),
        ("local('2026-07-01T08:00:00Z', 'Europe/Madrid')", "2026-07-01T10:00:00+02:00"),
        ("local('2026-10-25T01:30:00Z', 'Europe/Madrid')", "2026-10-25T02:30:00+01:00"),
        ("start_of('2026-05-31', 'month')", "2026-05-01"),
        ("start_of('2026-05-31', 'quarter')", "2026-04-01"),
        ("start_of('2026-05-31', 'week')", "2026-05-25"),
        ("start_of('2026-01-31T23:30:00Z', 'day', tz='Europe/Madrid')", "2026-01-31T23:00:00Z"),
        ("start_of('2026-03-29T12:00:00Z', 'day', 'Europe/Madrid')", "2026-03-28T23:00:00Z"),
        ("start_of('2026-08-31T12:00:00Z', 'quarter', 'Europe/Madrid')", "2026-06-30T22:00:00Z"),
        ("start_of('2026-10-25T01:30:00Z', 'hour', 'Europe/Madrid')", "2026-10-25T01:00:00Z"),
        ("start_of('1999-03-28T00:00:00Z', 'day', 'Asia/Beirut')", "1999-03-27T22:00:00Z"),  # it began at one o'clock
        ("unix_ms('2026-01-31T23:05:00.250Z')", 1769900700250),
        ("upper('ß')", "SS"),
        ("lower('Ä') + trim(' b ')", "äb"),
        ("join([1, True, 'a'], ' ')", "1 true a"),
        ("split('a,b', ',')", ["a", "b"]),
        ("truncate(o.name, 3)", "Grö"),
        ("length(o.lines)", 4),
        ("default(o.none, 3)", 3),
        ("find(o.lines, 'sku', 'B').qty", 2),
        ("find(o.lines, 'sku', 'C')", None),
        ("find(o.none, 'sku', 'C').qty", None),
        ("[[g.key, len(g.items)] for g in group_by(o.lines, 'sku')]", [["A", 2], ["B", 1], [None, 1]]),
        ("[g.key for g in group_by([{'n': 1}, {'n': 1.0}, {'n': True}], 'n')]", [1]),
        ("chunk([1, 2, 3], 2)", [[1, 2], [3]]),
        ("chunk([], 2)", []),
        ("unique([1, 1.0, 2, 'a', None, [1], [1.0]])", [1, 2, "a", None, [1]]),
    ],
)
def test_gives(text: str, expected: Any) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from_base64('YQ=')", None),
        ("from_base64('a')", "not base64"),
        ("from_base64('Y*==')", "not base64"),
        ("from_base64('////')", "not text in UTF-8"),
        ("from_hex('abc')", "hexadecimal"),
        ("from_hex('ff')", "not text in UTF-8"),
        ("hex(255)", "order.id:x"),
        ("base64(o)", "an object"),
        ("base64(half)", "surrogate"),
        ("json(half)", "surrogate"),
        ("matches(half, 'a')", "surrogate"),
        ("xml('\x01')", "control character"),
        ("xml(half)", "control character"),
        ("parse_xml('<a>')", "parse_xml()"),
        ("parse_xml(3)", "takes a text"),
        ("parse_xml('<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>')", "entities"),
        ("money(1, 'XXX' + 'X')", "ISO 4217"),
        ("money(1, 978)", "a code such as EUR"),
        ("minor_units('19.905', 'EUR')", "more digits"),
        ("from_minor_units('19.9', 'EUR')", "fraction"),
        ("start_of(date('2026-01-01'), 'hour')", "no hours"),
        ("truncate('a', -1)", "whole number"),
        ("chunk([1], 0)", "from 1"),
        ("split('a', '')", "at least one character"),
        ("join('abc')", "takes a list"),
        ("find('abc', 'a', 1)", "takes a list"),
        ("group_by(3, 'a')", "takes a list"),
        ("group_by([{'a': [1]}], 'a')", "a text or a number"),
        ("decimal('1' * 1)", "multiplied"),
        ("{x: 1 for x in [1.5]}", "text(…)"),
        ("{x: 1 for x in [big]}", "text(…)"),
    ],
)
def test_refuses(text: str, words: str | None) -> None:
    if words is None:
        assert value(text) == "a"
        return
    with pytest.raises(EntityError) as caught:
        value(text, half="\ud83d", big=2**70)
    assert words in caught.value.reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("matches(o.name, '(?=a)')", "look-around"),
        ("matches(o.name, '(a)\\\\1')", "back-references"),
        ("matches(o.name, '((a{100}){100})')", "not a regular expression"),
        ("matches(o.name, '([a-z]{1000}){1}|[α-ω]{900}')", "repeats too much"),
        ("matches(o.name, o.name)", "written out as text"),
        ("regex_replace(o.name, 'a', o.name)", "written out as text"),
        ("regex_replace(o.name, 'a', r'\\1')", "not a group"),
        ("regex_replace(o.name, '(a)', '$1')", "a group is written"),
        ("regex_replace(o.name, '(a)', r'\\n')", "number of a group"),
        ("money(1, 'EURO')", "did you mean 'EUR'"),
        ("sha256('a', 'b64')", "hex, base64, base64url"),
        ("start_of(o.name, 'fortnight')", "year, quarter"),
        ("in_tz(o.name, 'Europe/Madird')", "did you mean 'Europe/Madrid'"),
        ("moment(o.name, tz='CEST')", "unknown time zone"),
        ("hmac(o.name, 'secret')", "`sign` with auth hmac"),
        ("hmac_sha256('secret', o.name)", "`sign` with auth hmac"),
        ("truncate(o.name)", "truncate(value, length)"),
    ],
)
def test_mistakes_are_told_when_the_route_is_read(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Expression(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ o.name | base64 }}", "R3LDtsOfZQ=="),
        ("{{ o.phone | regex_replace('[^0-9+]', '') }}", "+346001122"),
        ("{{ o.note | regex_extract('PO-([0-9]+)') }}", "4711"),
        ("{{ '19.905' | money('EUR', rounding='half_up') }}", "19.91"),
        ("{{ 1990 | from_minor_units('EUR') }}", "19.90"),
        ("{{ o.name | truncate(3) | upper }}", "GRÖ"),
        ("{{ o.name | sha256(encoding='base64url') }}", None),
        (
            "{% for g in o.lines | group_by('sku') %}{{ g.key | default('-') }}{{ g.items | length }}{% endfor %}",
            "A2B1-1",
        ),
        ("{% for part in o.lines | chunk(3) %}{{ part | length }};{% endfor %}", "3;1;"),
        ("{{ (o.lines | find('sku', 'B')).qty }}", "2"),
        ("{{ o.none | coalesce(o.name) }}", "Größe"),
        ("{{ o.none | default('x') }}{{ o.none | first('y') }}", "xy"),
        ("{{ o.name | required('no name') }}", "Größe"),
        ("{{ '2026-07-01T08:00:00Z' | local('Europe/Madrid') }}", "2026-07-01T10:00:00+02:00"),
        ("{{ '2026-01-31' | iso_week }}", "2026-W05"),
        ("{{ '{\"a\": 1.10}' | parse_json | get('a') }}", "1.10"),
        ("{{ o.name | replace('ö', 'oe') | matches('^Groe') }}", "true"),
        ("{{ 'a,b' | split(',') | last }}", "b"),
        ("{{ 5 | range | sum }}", "10"),
    ],
)
def test_a_function_is_a_filter(text: str, expected: str | None) -> None:
    assert rendered(text) == (
        expected or base64.urlsafe_b64encode(hashlib.sha256("Größe".encode()).digest()).decode()[:-1]
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ o.name | b64encode }}", "write | base64"),
        ("{{ o.name | hmac('x') }}", "`sign` with auth hmac"),
        ("{{ o.name | truncate }}", "it is written | truncate(length)"),
        ("{{ o.name | slug(1, 2, 3) }}", "it is written | slug(separator='-')"),
        ("{{ o.name | in_tz('Europe/Madird') }}", "did you mean 'Europe/Madrid'"),
        ("{{ o.name | matches(o.name) }}", "written out as text"),
        ("{{ o.name | money('EURO') }}", "did you mean 'EUR'"),
        ("{{ o.name | raw(1) }}", "nothing in brackets"),
        ("{{ o.name | slug(*o.lines) }}", "not part of templates"),
        ("{{ base64(o.name) }}", "value | base64"),
    ],
)
def test_mistakes_of_filters_are_told_when_the_route_is_read(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Template(text)


@pytest.mark.parametrize(
    "text", ["{{ o.gone | base64 }}", "{{ o.name | replace('a', o.gone) }}", "{{ o.gone | join }}"]
)
def test_a_filter_of_what_is_missing_names_it(text: str) -> None:
    with pytest.raises(EntityError, match=r"o\.gone is missing"):
        rendered(text)


def test_every_function_has_a_remedy_free_name_and_a_filter() -> None:
    from airflow_integrations.expressions.remedies import templates, words
    from airflow_integrations.expressions.templates.filters import filters

    assert not set(CATALOGUE) & set(words.FOREIGN_FUNCTIONS)
    assert not set(CATALOGUE) & set(templates._FILTERS)
    assert set(CATALOGUE) < set(filters())


def test_no_function_gives_a_binary_float() -> None:
    texts = [
        "sum([0.1, 0.2])",
        "money('0.1', 'EUR')",
        "unix_ms('2026-01-31T23:05:00.1Z')",
        "parse_json('0.1')",
        "len([1])",
    ]
    assert not any(isinstance(value(text), float) for text in texts)
    assert value("sum([0.1, 0.2]) == 0.3") is True


@given(UTF8)
def test_what_is_encoded_is_decoded(text: str) -> None:
    for pair in ("from_base64(base64(x))", "from_base64(base64url(x))", "from_hex(hex(x))", "urldecode(urlencode(x))"):
        assert value(pair, x=text) == text
    assert value("parse_json(json(x))", x=text) == text
    assert value("base64(x)", x=text) == base64.b64encode(text.encode()).decode()


@given(UTF8)
def test_text_in_xml_comes_back(text: str) -> None:
    try:
        written = value("f'<a b=\"{xml(x)}\">.{xml(x)}.</a>'", x=text)
    except EntityError:
        assert re.search("[\x00-\x1f\ufffe\uffff]", text)
        return
    read = value("parse_xml(x).a", x=written)
    assert read["#text"] == f".{text}."
    assert read["@b"] == re.sub("[\t\n]", " ", text)  # XML 1.0, section 3.3.3


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12),
    st.sampled_from(sorted(DIGITS)),
)
def test_minor_units_are_those_of_rounded_money(amount: Decimal, currency: str) -> None:
    rounded = value("money(a, c)", a=amount, c=currency)
    assert abs(rounded - amount) * 2 <= Decimal(1).scaleb(-DIGITS[currency])
    units = value("minor_units(money(a, c), c)", a=amount, c=currency)
    assert value("from_minor_units(u, c)", u=units, c=currency) == rounded


@given(st.dates(date(1, 1, 8), date(9999, 12, 20)))
def test_iso_weeks_are_those_of_the_calendar(day: date) -> None:
    year, week, weekday = day.isocalendar()
    assert value("iso_week(d)", d=day.isoformat()) == f"{year:04}-W{week:02}"
    assert value("iso_weekday(d)", d=day.isoformat()) == weekday


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)),
    st.sampled_from(["Europe/Madrid", "America/Sao_Paulo", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe"]),
    st.sampled_from(["year", "quarter", "month", "week", "day", "hour", "minute"]),
)
def test_the_beginning_of_a_span_is_in_it_and_on_the_clock(moment: datetime, zone: str, unit: str) -> None:
    text = moment.replace(tzinfo=UTC).isoformat()
    start = datetime.fromisoformat(value("start_of(m, u, z)", m=text, u=unit, z=zone))
    assert start <= moment.replace(tzinfo=UTC)
    assert value("start_of(m, u, z)", m=start.isoformat(), u=unit, z=zone) == start.isoformat().replace("+00:00", "Z")
    assert datetime.fromisoformat(value("local(m, z)", m=text, z=zone)) == moment.replace(tzinfo=UTC)
    shown = start.astimezone(ZoneInfo(zone))
    assert (shown.second, shown.microsecond) == (0, 0)


@given(
    st.lists(
        st.one_of(st.integers(-3, 3), st.decimals(-3, 3, places=1), st.text("ab", max_size=1), st.none()), max_size=12
    )
)
def test_groups_and_chunks_hold_every_element_once(values: list[Any]) -> None:
    rows = [{"k": each, "n": number} for number, each in enumerate(values)]
    groups = value("group_by(rows, 'k')", rows=rows)
    assert sorted(row["n"] for group in groups for row in group["items"]) == list(range(len(rows)))
    assert all(row["k"] == group["key"] for group in groups for row in group["items"])
    keys = [group["key"] for group in groups]
    assert all(left != right for at, left in enumerate(keys) for right in keys[:at])
    assert keys == value("unique(values)", values=values)
    assert [row for part in value("chunk(rows, 5)", rows=rows) for row in part] == rows


@given(st.text("ab1-é", max_size=30))
def test_patterns_find_what_python_finds(text: str) -> None:
    assert value("regex_extract_all(x, '[a1é]+')", x=text) == re.findall("[a1é]+", text)
    assert value(r"regex_replace(x, '([ab])-', r'<\1>')", x=text) == re.sub("([ab])-", r"<\1>", text)
    assert value("matches(x, '^(a+)+$')", x=text) is bool(re.search(r"^a+\Z", text))


@given(st.recursive(st.none() | st.booleans() | st.integers() | UTF8, lambda inner: st.lists(inner, max_size=4)))
def test_json_round_trips(data: Any) -> None:
    assert value("parse_json(to_json(x))", x=data) == data
    assert json.loads(value("to_json(x)", x=data)) == data
