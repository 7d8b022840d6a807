"""Which files are routes, what they are called, and that a broken one never hides another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from route_definitions import GOOD, Write

from airflow_integrations.errors import RouteError
from airflow_integrations.route_files.load import check_all, read_route, read_routes

BODY = """\
entity: {name: order, key: order.number}
incoming: {http: {connection: shop, path: /orders}}
outgoing: {none: {}}
"""


def test_routes_are_found_by_their_endings(root: Path, write: Write) -> None:
    text = json.dumps(
        {
            "entity": {"name": "order", "key": "order.number"},
            "incoming": {"http": {"connection": "shop", "path": "/"}},
            "outgoing": {"none": {}},
        }
    )
    write(
        {
            **dict.fromkeys(("a.yaml", "b.yml", "c.route.yaml", "deep/er/d.yaml", "v1.2.yaml"), BODY),
            **dict.fromkeys(("_x.yaml", ".x.yaml", "_dir/x.yaml", ".git/x.yaml", "a.test.yaml", "x.yaml.bak"), "{{{"),
            "j.route.json": text,
            "other.json": "{",
        }
    )
    found = read_routes(root)
    assert found.mistakes == ()
    assert sorted(found.routes) == ["a", "b", "c", "d", "j", "v1.2"]


def test_a_loaded_route_knows_its_file_and_text(root: Path, write: Write, good: str) -> None:
    write({"orders.yaml": good})
    loaded = read_routes(root).routes["orders"]
    assert loaded.text == good
    assert loaded.path == (root / "orders.yaml").resolve()
    assert loaded.files == (loaded.path,)
    assert read_route(root, "orders").route == loaded.route


def test_a_file_name_that_is_no_route_name_is_told(root: Path, write: Write) -> None:
    write({"my orders.yaml": BODY})
    (mistake,) = read_routes(root).mistakes
    assert str(mistake).startswith("routes/my orders.yaml:1:1  route: 'my orders' is not allowed here")


def test_of_two_files_with_one_name_the_one_called_so_loads(root: Path, write: Write) -> None:
    write({"a.yaml": "description: other\nroute: orders\n" + BODY, "orders.yaml": BODY, "z/orders.yaml": BODY})
    found = read_routes(root)
    assert found.routes["orders"].path.name == "orders.yaml"
    assert found.routes["orders"].path.parent == root.resolve()
    told = "the route 'orders' is in routes/orders.yaml already; give this one a name of its own"
    assert list(map(str, found.mistakes)) == [
        f"routes/a.yaml:2:8  route: {told}",
        f"routes/z/orders.yaml:1:1  route: {told}",
    ]
    assert read_route(root, "orders").path == found.routes["orders"].path


def test_names_that_differ_by_case_only_are_refused_and_both_are_named(root: Path, write: Write) -> None:
    write({"a.yaml": "route: Orders\n" + BODY, "b.yaml": "route: orders\n" + BODY, "c.yaml": "route: order\n" + BODY})
    (told,) = map(str, check_all(root))
    assert told.startswith(
        "routes/b.yaml:1:8  route: the names 'orders' and 'Orders' (in routes/a.yaml) differ by case"
    )


def test_a_broken_file_keeps_its_name_from_others(root: Path, write: Write) -> None:
    write({"a.yaml": "route: orders\n" + BODY, "orders.yaml": "entity: [\n", "fine.yaml": BODY})
    found = read_routes(root)
    assert list(found.routes) == ["fine"]
    assert {mistake.file for mistake in found.mistakes} == {"routes/a.yaml", "routes/orders.yaml"}
    with pytest.raises(RouteError, match=r"orders\.yaml"):
        read_route(root, "orders")


def test_one_route_is_found_by_what_its_file_says(root: Path, write: Write) -> None:
    write({"a.yaml": BODY, "file.yaml": "route: orders\n" + BODY})
    assert read_route(root, "orders").path.name == "file.yaml"
    with pytest.raises(RouteError, match="no file holds the route 'file'"):
        read_route(root, "file")


def test_a_route_that_is_nowhere_is_told_with_those_there_are(root: Path, write: Write) -> None:
    write({"orders.yaml": BODY, "stock.yaml": BODY})
    with pytest.raises(RouteError, match=r"'ordres'; did you mean 'orders'\? Routes here: orders, stock"):
        read_route(root, "ordres")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = read_routes(tmp_path / "nowhere")
    assert [mistake.message for mistake in found.mistakes] == ["there is no such folder"]
    with pytest.raises(RouteError):
        read_route(tmp_path / "nowhere", "orders")


def test_all_mistakes_of_all_files_are_told_at_once(root: Path, write: Write, good: str) -> None:
    write(
        {
            "a.yaml": good.replace("priority: critical", "prio: x").replace("order.status", "ordr.status"),
            "b.yaml": "a: [",
            "orders.yaml": good,
            "c.yaml": "[]",
            "d.yaml": "",
        }
    )
    found = read_routes(root)
    assert list(found.routes) == ["orders"]
    places = [(mistake.file, mistake.line) for mistake in found.mistakes]
    assert ("routes/a.yaml", 4) in places
    assert ("routes/a.yaml", 17) in places
    assert {"routes/a.yaml", "routes/b.yaml", "routes/c.yaml", "routes/d.yaml"} == {file for file, _ in places}


def test_a_broken_step_does_not_make_its_name_unknown(root: Path, write: Write, good: str) -> None:
    write({"orders.yaml": good.replace("where: {country: order.country}", "were: {country: order.country}")})
    found = [str(mistake) for mistake in read_routes(root).mistakes]
    assert len(found) == 1
    assert "unknown key 'were', did you mean 'where'?" in found[0]


def test_a_file_that_cannot_be_read_is_told(root: Path, write: Write) -> None:
    write({"fine.yaml": BODY, "folder.yaml/x": "", "../outside.yaml": BODY})
    (root / "gone.yaml").symlink_to("nowhere.yaml")
    (root / "link.yaml").symlink_to("../outside.yaml")
    (root / "round.yaml").symlink_to("round.yaml")
    found = read_routes(root)
    assert list(found.routes) == ["fine"]
    assert [mistake.file for mistake in found.mistakes] == ["routes/gone.yaml", "routes/link.yaml", "routes/round.yaml"]
    assert "it is a link that leaves routes/" in found.mistakes[1].message


def test_links_within_the_folder_are_followed(root: Path, write: Write) -> None:
    write({".data/orders.yaml": BODY})
    (root / "orders.yaml").symlink_to(".data/orders.yaml")
    assert list(read_routes(root).routes) == ["orders"]


def test_the_deep_check_reads_what_routes_name(root: Path, write: Write, good: str) -> None:
    write({"orders.yaml": good})
    assert check_all(root) == []
    write({"lookups/tax.csv": "land,code\nES,S1\n", "schemas/order.json": '{"type": "objekt"}'})
    found = [str(mistake) for mistake in check_all(root)]
    assert read_routes(root).mistakes == ()
    assert any(text.startswith("routes/orders.yaml:18:31  transform.1.lookup.file: lookups/tax.csv") for text in found)
    assert any(text.startswith("routes/orders.yaml:27:15  transform.3.validate") for text in found)


def test_mistakes_hold_no_more_of_the_file_than_they_must(root: Path, write: Write) -> None:
    write({"orders.yaml": BODY + f"owner: [{'secret' * 100}]\npriority: {'x' * 500}\n"})
    for mistake in read_routes(root).mistakes:
        assert len(mistake.message) < 300


_keys = st.sampled_from(
    ["route", "entity", "incoming", "transform", "outgoing", "schedule", "tags", "use", "http", "x"]
)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["", "order", "order.x", "{{ a }}", "_a.yaml", "5m"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=15,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(_keys, _values, max_size=6))
def test_nothing_but_mistakes_comes_of_any_data(tmp_path: Path, data: dict[str, object]) -> None:
    root = tmp_path / "routes"
    root.mkdir(exist_ok=True)
    (root / "a.route.json").write_text(json.dumps(data))
    found = read_routes(root)
    assert found.mistakes or found.routes
    for mistake in found.mistakes:
        assert mistake.line >= 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_nothing_but_mistakes_comes_of_a_route_with_a_line_or_word_lost(tmp_path: Path, data: st.DataObject) -> None:
    root = tmp_path / "routes"
    root.mkdir(exist_ok=True)
    start = data.draw(st.integers(0, len(GOOD) - 1))
    length = data.draw(st.integers(1, 40))
    (root / "orders.yaml").write_text(
        GOOD[:start] + data.draw(st.sampled_from(["", "{", "x", "[]"])) + GOOD[start + length :]
    )
    found = read_routes(root)
    assert found.mistakes or found.routes
