"""What routes say of each other is checked over the whole folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.route.definition import Route
from airflow_integrations.route.trigger import Trigger
from airflow_integrations.route_files.load import check_all, read_routes

ROUTE = "entity: {key: entity.id}\noutgoing: {none: {}}\n"
ASKS = "incoming: {http: {connection: shop, path: /x}}\n"


def written(folder: Path, **files: str) -> list[str]:
    root = folder / "routes"
    root.mkdir()
    for name, more in files.items():
        (root / f"{name}.yaml").write_text(ROUTE + more)
    return [str(mistake) for mistake in check_all(root)]


def reads(other: str) -> str:
    return f"incoming: {{route: {other}}}\n"


def after(assets: str) -> str:
    return ASKS + f"trigger:\n  assets: {assets}\n"


def test_routes_that_follow_each_other_are_right(tmp_path: Path) -> None:
    files = {
        "categories": ASKS,
        "attributes": ASKS,
        "products": after("{all: [categories, attributes]}"),
        "prices": reads("products"),
        "stock": reads("{name: products, from: oldest}"),
        "images": after('{any: [products, {all: [stock, {uri: "s3://images/new"}, {name: catalogue}]}]}'),
    }
    assert written(tmp_path, **files) == []
    assert set(read_routes(tmp_path / "routes").routes) == set(files)


def test_an_unknown_route_is_a_mistake_with_a_place_and_a_suggestion(tmp_path: Path) -> None:
    told = written(
        tmp_path,
        categories=ASKS,
        products=after("\n    all:\n      - categories\n      - any: [brands, categores]"),
        prices=reads("product"),
    )
    here = "Routes here: categories, prices, products"
    meant = "did you mean 'categories'?"
    assert told == [
        f"routes/prices.yaml:3:19  incoming.route: unknown route 'product', did you mean 'products'? {here}",
        f"routes/products.yaml:8:15  trigger.assets.all.1.any.0: unknown route 'brands'. {here}",
        f"routes/products.yaml:8:23  trigger.assets.all.1.any.1: unknown route 'categores', {meant} {here}",
    ]


def test_a_route_whose_file_is_broken_is_not_unknown(tmp_path: Path) -> None:
    told = written(tmp_path, products="incoming: {htp: {}}\n", prices=reads("products"))
    assert len(told) == 1
    assert "htp" in told[0]


def test_circles_are_mistakes_of_every_route_in_them(tmp_path: Path) -> None:
    told = written(
        tmp_path,
        a=reads("b"),
        b=after("{any: [c, fine]}"),
        c=after("a"),
        fine=ASKS,
        behind=reads("a"),
        own=after("own"),
    )
    circle = "these routes would start each other for ever"
    assert told == [
        f"routes/a.yaml:3:19  incoming.route: {circle}: a → b → c → a; one of them has to begin",
        f"routes/b.yaml:5:18  trigger.assets.any.0: {circle}: b → c → a → b; one of them has to begin",
        f"routes/c.yaml:5:11  trigger.assets: {circle}: c → a → b → c; one of them has to begin",
        f"routes/own.yaml:5:11  trigger.assets: {circle}: own → own; one of them has to begin",
    ]


def test_what_a_route_of_low_latency_takes_is_not_passed_on(tmp_path: Path) -> None:
    live = "trigger: {latency: low}\n"
    (told,) = written(tmp_path, live=live, reads=reads("live"), follows=after("live"))
    assert told.startswith("routes/reads.yaml:3:19  incoming.route: live has latency: low, and what comes in so is not")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (reads("own"), "own cannot read its own fetches; name another route"),
        (reads("other") + "missing: emit\n", "missing needs a source that gives everything every time"),
        (reads("other") + "window: {slice: 1d}\n", "another route's fetches have no window to slice"),
        (reads("[other]"), "expected text, found a list"),
        (reads("{name: other, from: then}"), "unknown value 'then'. One of: now, oldest"),
        (after("[a, b]"), "expected text, found a list"),
        (after("{all: []}"), "trigger.assets.all: empty"),
        (after("{al: [a]}"), "unknown key 'al', did you mean 'all'? One of: all, any, name, route, uri"),
        (after("{all: [a], any: [b]}"), "assets are the name of a route, or exactly one of route, name, uri, all, any"),
        (after("{any: [{any: [{any: [{any: [{any: [a]}]}]}]}]}"), "conditions are nested 5 deep at most"),
        (after("own") + "  at: often\n", "often"),
        (ASKS + 'trigger: {at: "0 6 * * *"}\n', "at goes with assets; for a run at fixed times write schedule"),
        (after("own") + '  at: "0 6 * * *"\n  sweep: "0 7 * * *"\n', "runs at the times of at take what waits, too"),
        (after("own") + '  at: "0 6 * * *"\nschedule: {every: 1h}\n', "runs at the times of its schedule, too"),
    ],
)
def test_what_a_route_cannot_say(tmp_path: Path, more: str, told: str) -> None:
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "own.yaml").write_text(ROUTE + more)
    (mistake,) = read_routes(tmp_path / "routes").mistakes
    assert told in str(mistake)


def test_what_is_written_short_is_dumped_short() -> None:
    definition: dict[str, Any] = {"assets": {"all": ["a", {"uri": "s3://x"}, {"any": ["b", {"route": "c"}]}]}}
    trigger = Trigger.model_validate(definition)
    dumped = trigger.model_dump(mode="json", exclude_unset=True)
    assert dumped == {"assets": {"all": ["a", {"uri": "s3://x"}, {"any": ["b", "c"]}]}}
    assert Trigger.model_validate(dumped) == trigger


def test_a_route_in_python_may_read_another_one() -> None:
    route = {"route": "prices", "entity": {"key": "entity.sku"}, "outgoing": {"none": {}}}
    assert Route.load(route | {"incoming": {"route": "products"}}).incoming.config.name == "products"
    with pytest.raises(ValidationError, match="cannot read its own fetches"):
        Route.load(route | {"incoming": {"route": "prices"}})
