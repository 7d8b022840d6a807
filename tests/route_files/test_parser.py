"""Text to nodes: what scalars mean, where everything stands, and that nothing but Mistakes comes of bad text."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.route_files import parser
from airflow_integrations.route_files.mistakes import node_at
from airflow_integrations.route_files.parser import parse


def plain(text: str, file: str = "f.yaml") -> Any:
    node, mistakes = parse(text.encode(), file)
    assert mistakes == []
    assert node is not None
    return node.plain()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("no", "no"), ("NO", "NO"), ("y", "y"),
        ("true", True), ("True", True), ("FALSE", False), ("tRue", "tRue"),
        ("null", None), ("~", None), ("", None), ("NULL", None), ("none", "none"),
        ("12:30", "12:30"), ("190:20:30", "190:20:30"), ("1_000", "1_000"),
        ("010", 10), ("0o10", 8), ("0x1F", 31), ("0b11", "0b11"), ("-7", -7), ("+7", 7), ("007", 7),
        ("12345678901234567890123456789012345678901", 12345678901234567890123456789012345678901),
        ("1.10", Decimal("1.10")), ("-.5", Decimal("-0.5")), ("1e3", Decimal("1e3")), ("3.", Decimal(3)),
        ("2026-01-01", "2026-01-01"), ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"), ("=", "="),
        ("1.2.3", "1.2.3"), ("-", None), ('"010"', "010"), ("'true'", "true"), ('"\\u20ac"', "€"),
        ("order.total >= 10", "order.total >= 10"), ('f"WEB-{order.number}"', 'f"WEB-{order.number}"'),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(written: str, value: Any) -> None:
    if written == "-":
        assert plain("- \n") == [None]
        return
    found = plain(f"- {written}\n")[0]
    assert found == value
    assert type(found) is type(value)


def test_decimals_keep_their_digits() -> None:
    assert str(plain("a: 1.10")["a"]) == "1.10"


def test_keys_are_text_as_it_is_written() -> None:
    assert plain("on: 1\n404: 2\n010: 3\nnull: 4\n1.50: 5\n") == {"on": 1, "404": 2, "010": 3, "null": 4, "1.50": 5}


def test_aliases_stand_for_their_anchor() -> None:
    assert plain("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]\n")["d"] == [{"b": [1, 2]}] * 2


def test_json_keeps_its_escapes_and_places() -> None:
    text = json.dumps({"a": "😀\\ud83d", "b": ["/", "\x07", 1.5, None]}, indent=1)
    assert plain(text, "f.route.json") == {"a": "😀\\ud83d", "b": ["/", "\x07", Decimal("1.5"), None]}
    assert plain('{"a":1,\n\t"b":{"c":[true]}}', "f.route.json") == {"a": 1, "b": {"c": [True]}}


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "1:1", "empty"),
        ("# just a comment\n", "1:1", "empty"),
        ("---\n", "1:1", "empty"),
        ("a: 1\na: 2\n", "2:1", "the key 'a' stands here twice; the first is at 1:1"),
        ("x:\n  a: 1\n  b: 2\n  a: 3\n", "4:3", "the first is at 2:3"),
        ("a: {b: 1, b: 2}\n", "1:11", "the key 'b' stands here twice"),
        ("a:\n\tb: 1\n", "2:1", "a tab character; indent with spaces"),
        ("a: 1\n\tb: 2\n", "2:1", "a tab character; indent with spaces"),
        ("a: b: c\n", "1:5", "a second ': ' in one value"),
        ("a: 1\n  b: 2\n", "2:4", "indentation"),
        ("a:\n  b: 1\n c: 2\n", "3:2", "indented unlike the keys around it"),
        ("a: 'x\nb: 2\n", "1:4", "the quote that opens here is never closed"),
        ('a: "x" == y\n', "1:8", "the quote before '==' ends the text; put the other kind around the whole"),
        ("a: [1, 2\nb: 3\n", "1:4", "the [ that opens here is not closed"),
        ("a: {x: 1\n", "1:4", "the { that opens here is not closed"),
        ("a: }\n", "1:4", "a value is missing here"),
        ("a: @x\n", "1:4", "text cannot begin with '@'; quote it"),
        ("a: `x`\n", "1:4", "text cannot begin with '`'; quote it"),
        ("a: %x\n", "1:4", "text cannot begin with '%'; quote it"),
        ('a: "\\d"\n', "1:5", "use single quotes"),
        ("a: | x\n b\n", "1:6", "the text of a block begins on the line below"),
        ("a: -\n", "1:4", "begin it on its own line"),
        ("- a\nb: c\n", "2:1", "begin it with '- '"),
        ("a: 1\nb\n", "2:1", "key: value"),
        ("a: {{ b.c }}\n", "1:5", "put quotes around text with {{ … }}"),
        ("a: {{ b.c }}/d\n", "1:5", "put quotes around text with {{ … }}"),
        ("? [a, b]\n: c\n", "1:3", "a list cannot be a key"),
        ("a: &x b\n*x : c\n", "2:1", "an alias cannot be a key"),
        ("a: *nowhere\n", "1:4", "no anchor &nowhere stands above this alias"),
        ("a: &x [1, *x]\n", "1:11", "stands inside what it stands for"),
        ("<<: {a: 1}\n", "1:1", "share parts with use:"),
        ("a: !!python/object:os.system x\n", "1:4", "tags such as"),
        ("a: !!int 3\n", "1:4", "tags such as"),
        ("!x a: 1\n", "1:1", "tags such as"),
        ("a: !m {b: 1}\n", "1:4", "leave it out"),
        ("a: .inf\n", "1:4", "not a number that data can carry"),
        ("a: .NaN\n", "1:4", "not a number that data can carry"),
        ("a: 1e999\n", "1:4", "out of range"),
        ("a: " + "9" * 401, "1:4", "a number of 401 digits is too long"),
        ("a: 1\n---\nb: 2\n", "2:1", "a second document"),
        ("a: 1\n...\nb: 2\n", "3:1", "text behind the end of the document"),
        ("%YAML 3.0\n---\na: 1\n", "1:1", "a %YAML directive of another version"),
        ("a: b\x00c\n", "1:5", "U+0000"),
        ("a: x\nb: \x1b[0m\n", "2:4", "U+001B"),
        ("[" * 51, "1:51", "nested more than 50 levels deep"),
        ("[" * 200_000, "1:51", "nested more than 50 levels deep"),
        ("- " * 51 + "a", "1:101", "nested more than 50 levels deep"),
        ("a: " + "x" * (1024 * 1024), "1:1", "more than 1048576 bytes"),
    ],
)  # fmt: skip
def test_bad_text_is_a_mistake_in_its_place(text: str, place: str, message: str) -> None:
    _, mistakes = parse(text.encode(), "f.yaml")
    assert len(mistakes) == 1, mistakes
    assert f"{mistakes[0].line}:{mistakes[0].column}" == place
    assert message in mistakes[0].message


def test_text_that_is_no_utf_8_is_told_where() -> None:
    _, mistakes = parse(b"a: 1\nb: caf\xe9\n", "f.yaml")
    assert [str(mistake) for mistake in mistakes] == ["f.yaml:2:7  this is not UTF-8; save the file as UTF-8"]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert plain("\ufeffa: 1\n") == {"a": 1}


def test_few_bytes_cannot_stand_for_many_values() -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 20):
        laughs += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    node, mistakes = parse(laughs.encode(), "f.yaml")
    assert node is None
    assert "more than 100000 values" in mistakes[0].message


def test_several_mistakes_of_one_text_are_told_at_once() -> None:
    _, mistakes = parse(b"a: 1\na: 2\nb: !x y\nc: .nan\n", "f.yaml")
    assert [(mistake.line, mistake.column) for mistake in mistakes] == [(2, 1), (3, 4), (4, 4)]


_alphabet = st.characters(codec="utf-8") | st.sampled_from(list(" \n\t:-,[]{}&*!|>'\"%@`#?~.0123456789abx"))


@given(st.text(_alphabet, max_size=60))
def test_no_text_raises(text: str) -> None:
    node, mistakes = parse(text.encode(), "f.yaml")
    assert node is not None or mistakes
    for mistake in mistakes:
        assert mistake.line >= 1
        assert mistake.column >= 1


@given(st.binary(max_size=40))
def test_no_bytes_raise(content: bytes) -> None:
    node, mistakes = parse(content, "f.route.json")
    assert node is not None or mistakes


_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")))
)
_names = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=5)
_data = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(_names, _data, min_size=1, max_size=4))
def test_what_json_writes_is_read_as_it_was(data: Any) -> None:
    assert plain(json.dumps(data), "f.route.json") == data
    assert plain(json.dumps(data, ensure_ascii=False)) == data


@given(_data, st.randoms(use_true_random=False))
def test_every_value_is_found_where_it_was_written(data: Any, rng: random.Random) -> None:
    text, places = _written({"top": data}, rng)
    node, mistakes = parse(text.encode(), "f.yaml")
    assert mistakes == []
    assert node is not None
    for loc, place in places.items():
        found = node_at(node, loc)
        key = isinstance(loc[-1], str)
        assert ((found.key_line, found.key_column) if key else (found.line, found.column)) == place, text


def _written(data: dict[str, Any], rng: random.Random) -> tuple[str, dict[tuple[Any, ...], tuple[int, int]]]:
    """Block YAML with random indentation and comments, and where each key and list element begins."""
    lines: list[str] = []
    places: dict[tuple[Any, ...], tuple[int, int]] = {}

    def block(value: Any, indent: int, loc: tuple[Any, ...]) -> None:
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in entries:
            lines.extend(" " * rng.randint(0, 9) + "# between" for _ in range(rng.choice([0, 0, 0, 1, 2])))
            if isinstance(value, dict):
                places[*loc, key] = (len(lines) + 1, indent + 1)
                head = " " * indent + f'"{key}":'
            else:
                gap = rng.randint(1, 4)
                head = " " * indent + "-" + " " * gap
                places[*loc, key] = (len(lines) + 1, len(head) + 1)
            if isinstance(inner, (dict, list)) and inner and isinstance(value, dict):
                lines.append(head)
                block(inner, indent + rng.randint(1, 6), (*loc, key))
            else:
                if isinstance(value, dict):
                    head += " " * rng.randint(1, 3)
                lines.append(head + json.dumps(inner, ensure_ascii=False))

    block(data, 0, ())
    return "\n".join(lines) + "\n", places


def test_the_pure_parser_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a: &x {b: [1, 2.50]}\nc: *x\nd: 'it''s'\n"
    quick, _ = parse(text, "f.yaml")
    monkeypatch.setattr(parser, "_Loader", yaml.SafeLoader)
    slow, mistakes = parse(text, "f.yaml")
    assert quick is not None
    assert slow is not None
    assert mistakes == []
    assert slow.plain() == quick.plain()
    assert node_at(slow, ("c", "b", 1)).column == node_at(quick, ("c", "b", 1)).column


@pytest.mark.parametrize(
    "text",
    [
        "total: # the sum",
        "total: # e.g. order.total is one",
        "total: # see docs/a.md\n  - 1",
        "total:   # order.total\n  1",
        't: "" # order.total',
        "path: /orders # as in order.id",
        "path: a#{b}",
        "t: #fff",
        "a: [1, # order.x\n 2]",
    ],
)
def test_a_comment_is_a_comment(text: str) -> None:
    assert parse(text.encode(), "f.yaml")[1] == []


def test_many_values_on_one_line_are_read_in_linear_time() -> None:
    text = "[" + ",".join(["1"] * 90_000) + "] # [a"
    node, mistakes = parse(text.encode(), "f.yaml")
    assert node is not None
    assert mistakes == []
