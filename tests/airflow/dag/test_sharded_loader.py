"""Several loader files share a folder: each route is in exactly one of them, whatever its file looks like."""

from __future__ import annotations

import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.airflow.dag import loader
from airflow_integrations.airflow.maintenance.dag import MAINTENANCE
from airflow_integrations.cli.init import loader_files
from airflow_integrations.errors import RouteError
from airflow_integrations.route_files import load
from airflow_integrations.route_files.shards import Shard, written_name

BODY = """
entity: {key: entity.id}
incoming: {http: {connection: shop, path: /x, records: body}}
outgoing: {none: {}}
"""
OF = 4
SHARES = [(number, OF) for number in range(1, OF + 1)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    routes = tmp_path / "routes"
    (routes / "deep").mkdir(parents=True)
    return routes


def loaded(folder: Path) -> list[str]:
    """The ids of all DAGs, of all shares."""
    return sorted(dag for share in SHARES for dag in loader.load_routes(folder.parent / "loader.py", shard=share))


def told(folder: Path) -> str:
    found = []
    for more in [*({"shard": share} for share in SHARES), {"between": True}]:
        try:
            loader.check_routes(folder.parent / "check.py", **more)  # type: ignore[arg-type]
        except RouteError as error:
            found.append(str(error))
    return "\n".join(found)


@given(st.text(max_size=30), st.integers(1, 64))
def test_a_name_is_in_exactly_one_share(name: str, of: int) -> None:
    assert [Shard(number, of).holds(name) for number in range(1, of + 1)].count(True) == 1


def test_names_spread() -> None:
    shares = Counter(next(n for n in range(1, 9) if Shard(n, 8).holds(f"route_{i}")) for i in range(4000))
    assert len(shares) == 8
    assert all(400 < count < 600 for count in shares.values())


@pytest.mark.parametrize("share", [(0, 8), (9, 8), (1, 65), (1, 0), (True, 2), ("1", 2)])
def test_a_share_that_makes_no_sense(share: Any) -> None:
    with pytest.raises(ValueError, match="a shard is two whole numbers"):
        Shard(*share)


def test_each_route_is_in_one_loader_file_and_the_maintenance_in_the_first(folder: Path) -> None:
    (folder / "a.yaml").write_text(BODY)
    (folder / "deep" / "b.yaml").write_text(f"route: bb  # so it is called\n{BODY}")
    (folder / "c.yaml").write_text(f"'route': \"cc\"\r\n{BODY}")
    (folder / "d.route.json").write_text(
        '{"incoming": {"route": "a"}, "route": "dd", "entity": {"key": "entity.id"}, "outgoing": {"none": {}}}'
    )
    (folder / "e.yaml").write_text(BODY + "trigger: {webhook: {path: e, verify: none}}\n")
    assert loaded(folder) == ["a", "bb", "cc", "dd", "e", "e__events", MAINTENANCE]
    assert MAINTENANCE in loader.load_routes(folder.parent / "loader.py", shard=(1, OF))
    assert told(folder) == ""


def test_a_share_parses_its_own_files_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (folder / f"r{number}.yaml").write_text(BODY)
    parsed: list[str] = []
    load_one = load._load

    def watched(shelf: Any, path: Path) -> Any:
        parsed.append(path.name)
        return load_one(shelf, path)

    monkeypatch.setattr(load, "_load", watched)
    first = loader.load_routes(folder.parent / "loader.py", shard=(2, OF))
    assert sorted(parsed) == sorted(f"{name}.yaml" for name in first)
    assert 0 < len(parsed) < 20


@pytest.mark.parametrize(
    "text",
    [
        "{route: twin, entity: {key: entity.id}, incoming: {none: {}}, trigger: {}, outgoing: {none: {}}}",
        f'"rout\\u0065": twin\n{BODY}',
        f"? route\n: twin\n{BODY}",
        f'description: "\nroute: other\n"\nroute: twin\n{BODY}',
        f"route: >-\n  twin\n{BODY}",
    ],
)
def test_a_name_that_cannot_be_seen_is_no_second_dag_of_that_name(folder: Path, text: str) -> None:
    """Another share has the DAG of this name, and Airflow would have each of them in turn."""
    (folder / "twin.yaml").write_text(BODY)
    (folder / "hidden.yaml").write_text(text)
    assert loaded(folder) == ["twin", MAINTENANCE] or loaded(folder) == [MAINTENANCE, "twin"]
    assert "hidden.yaml" in told(folder)


def test_of_two_files_with_one_name_one_loads_and_the_other_is_told(folder: Path) -> None:
    for name in ("one", "two", "three"):
        (folder / f"{name}.yaml").write_text(f"route: same\n{BODY}")
    assert Counter(loaded(folder))["same"] == 1
    assert told(folder).count("is in routes/one.yaml already") == 2


def test_what_routes_say_of_each_other_is_told_once_whichever_share_they_are_in(folder: Path) -> None:
    hook = "trigger: {webhook: {path: same, verify: none}}\n"
    for name in ("one", "two", "three", "four"):
        (folder / f"{name}.yaml").write_text(BODY + hook + "alerts: {}\n" * (name == "four"))
    with pytest.raises(RouteError) as all_at_once:
        loader.check_routes(folder.parent / "check.py")
    assert sorted(told(folder).splitlines()) == sorted(str(all_at_once.value).splitlines())


def test_a_broken_edit_keeps_the_last_valid_version_in_its_share(folder: Path) -> None:
    names = ["one", "two", "three", "four"]
    for name in names:
        (folder / f"{name}.yaml").write_text(BODY)
    before = loaded(folder)
    (folder / "two.yaml").write_text(BODY + "prority: high\n")
    assert loaded(folder) == before
    assert "two.yaml" in told(folder)


def test_a_broken_file_that_was_renamed_gives_no_second_dag(folder: Path) -> None:
    """What was ``two`` is now called ``new``, and broken; another file is ``two``, in another share."""
    (folder / "two.yaml").write_text(f"route: two\n{BODY}")
    loaded(folder)
    (folder / "two.yaml").write_text(f"route: new\nprority: high\n{BODY}")
    (folder / "other.yaml").write_text(f"route: two\ndescription: The other one.\n{BODY}")
    assert Counter(loaded(folder))["two"] == 1


def test_the_files_that_init_writes_load_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        (folder / f"r{number}.yaml").write_text(BODY)
    found: list[str] = []
    for name, text in loader_files(3).items():
        path = folder.parent / name
        path.write_text(text)
        found += [key for key, dag in runpy.run_path(str(path)).items() if hasattr(dag, "dag_id")]
    assert sorted(found) == sorted([MAINTENANCE, *(f"r{number}" for number in range(6))])


def test_a_file_that_cannot_be_read_is_called_by_its_name(tmp_path: Path) -> None:
    assert written_name(tmp_path / "gone.yaml") == "gone"
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00route: x\n")
    assert written_name(tmp_path / "binary.yaml") == "binary"
