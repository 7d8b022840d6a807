"""Shared parts and defaults: what wins, where places point to, and every way a reference can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from route_definitions import Write

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.model import walk
from airflow_integrations.errors import RouteError
from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import LoadedRoute, read_route, read_routes

HEAD = "entity: {name: order, key: order.number}\noutgoing: {none: {}}\n"
INCOMING = "incoming: {http: {connection: shop, path: /orders}}\n"


def load(root: Path, name: str = "orders") -> Route:
    return read_route(root, name).route


def mistakes(root: Path) -> list[str]:
    return [str(mistake) for mistake in read_routes(root).mistakes]


def test_steps_of_a_file_stand_where_it_is_used(root: Path, write: Write) -> None:
    write(
        {
            "orders.yaml": HEAD + INCOMING + "transform:\n  - use: _shared/a.yaml\n  - filter: order.z\n",
            "_shared/a.yaml": "- filter: order.x\n- use: b.yaml\n- use: b.yaml\n",
            "_shared/b.yaml": "[filter: order.y]\n",
        }
    )
    steps = load(root).transform
    assert [step.config.root.text for step in steps] == ["order.x", "order.y", "order.y", "order.z"]


def test_what_stands_beside_use_wins(root: Path, write: Write) -> None:
    shared = """\
http:
  connection: shop
  path: /all
  query: {a: 1, b: 2}
  headers: {Accept: text/csv}
  pagination: {style: offset, size: 100}
"""
    own = "incoming:\n  use: _shop.yaml\n  http: {path: /orders, query: {b: 3}, headers: null, records: body.orders}\n"
    write({"orders.yaml": HEAD + own.replace("headers: null", "headers: {}"), "_shop.yaml": shared})
    config = load(root).incoming.config
    assert (config.connection, config.path.text, config.records.text) == ("shop", "/orders", "body.orders")
    assert {name: value.text for name, value in config.query.items()} == {"a": "1", "b": "3"}
    assert config.pagination.size == 100
    assert {name: value.text for name, value in config.headers.items()} == {"Accept": "text/csv"}


def test_null_beside_use_takes_a_value_away(root: Path, write: Write) -> None:
    own = "schedule: {use: _times.yaml, end: null}\n"
    write({"orders.yaml": HEAD + INCOMING + own, "_times.yaml": "every: 1h\nend: 2030-01-01\n"})
    schedule = load(root).schedule
    assert schedule is not None
    assert schedule.end is None


def test_shared_mappings_may_use_others(root: Path, write: Write) -> None:
    write(
        {
            "eu/orders.yaml": HEAD + "incoming: {use: ../_shared/eu/shop.yaml, http: {path: /orders}}\n",
            "_shared/eu/shop.yaml": "use: ../http.yaml\nhttp: {query: {region: eu}}\n",
            "_shared/http.yaml": "http: {connection: shop, query: {region: any, size: 5}}\n",
        }
    )
    query = load(root).incoming.config.query
    assert {name: value.text for name, value in query.items()} == {"region": "eu", "size": "5"}


def test_the_nearest_defaults_win_over_those_above(root: Path, write: Write) -> None:
    write(
        {
            "_defaults.yaml": "owner: everyone\ntags: [all]\ntasks: {retries: 7, retry_delay: 2m}\n",
            "eu/_defaults.yaml": "owner: eu\ntasks: {retries: 8}\n",
            "eu/orders.yaml": HEAD + INCOMING,
            "eu/deep/stock.yaml": HEAD + INCOMING + "owner: stock\ntags: []\n",
            "world.yaml": HEAD + INCOMING,
        }
    )
    orders, stock, world = load(root), load(root, "stock"), load(root, "world")
    assert (orders.owner, orders.tags, orders.tasks.retries) == ("eu", ("all",), 8)
    assert orders.tasks.retry_delay.total_seconds() == 120
    assert (stock.owner, stock.tags) == ("stock", ())
    assert (world.owner, world.tasks.retries) == ("everyone", 7)


def test_of_cron_and_every_the_nearer_word_counts(root: Path, write: Write) -> None:
    write(
        {
            "_defaults.yaml": "schedule: {cron: '@daily', timezone: Europe/Madrid}\n",
            "orders.yaml": HEAD + INCOMING + "schedule: {every: 5m}\n",
            "stock.yaml": HEAD + INCOMING,
        }
    )
    schedule = load(root).schedule
    assert schedule is not None
    assert schedule.every is not None
    assert (schedule.cron, schedule.timezone) == (None, "Europe/Madrid")
    daily = load(root, "stock").schedule
    assert daily is not None
    assert daily.cron == "@daily"


def test_files_are_found_beside_the_file_that_names_them(root: Path, write: Write) -> None:
    step = "- lookup: {name: tax, file: tax.csv, where: {country: order.country}}\n- validate: ../schemas/order.json\n"
    write(
        {
            "eu/orders.yaml": HEAD + INCOMING + "transform: [use: ../_shared/steps.yaml]\n",
            "_shared/steps.yaml": step,
            "_shared/tax.csv": "country,code\n",
        }
    )
    loaded = read_route(root, "orders")
    paths = [leaf for _, leaf in walk(loaded.route.transform[0].config) if isinstance(leaf, FileReference)]
    assert [(leaf.path, leaf.text) for leaf in paths] == [((root / "_shared/tax.csv").resolve(), "../_shared/tax.csv")]
    assert loaded.route.transform[1].config.file.path == (root / "schemas/order.json").resolve()
    assert loaded.files == ((root / "eu/orders.yaml").resolve(), (root / "_shared/steps.yaml").resolve())


def test_one_text_that_names_two_files_is_told(root: Path, write: Write) -> None:
    lookup = "lookup: {name: NAME, file: tax.csv, where: {country: order.country}}"
    write(
        {
            "orders.yaml": HEAD
            + INCOMING
            + f"transform:\n  - use: _shared/steps.yaml\n  - {lookup.replace('NAME', 'own')}\n",
            "_shared/steps.yaml": f"- {lookup.replace('NAME', 'shared')}\n",
            "_shared/tax.csv": "country,code\n",
            "tax.csv": "country,code\n",
        }
    )
    told = "'tax.csv' is written in two folders, as routes/_shared/tax.csv and routes/tax.csv; write one as ./tax.csv"
    assert any(told in text for text in mistakes(root))
    (root / "orders.yaml").write_text((root / "orders.yaml").read_text().replace("tax.csv", "./tax.csv"))
    first, second = load(root).transform
    assert first.config.file.path == (root / "_shared/tax.csv").resolve()
    assert second.config.file.path == (root / "tax.csv").resolve()


def test_a_mistake_in_a_shared_file_is_told_there_and_once(root: Path, write: Write) -> None:
    write(
        {
            "orders.yaml": HEAD + INCOMING + "transform:\n  - use: _shared/a.yaml\n",
            "stock.yaml": HEAD + INCOMING + "transform:\n  - filter: order.x\n  - use: _shared/a.yaml\n",
            "_shared/a.yaml": "\n- filter: oder.x\n- fitler: order.y\n",
            "_defaults.yaml": "owner: [x]\n",
        }
    )
    assert mistakes(root) == [
        "routes/_defaults.yaml:1:1  owner: expected text, found a list",
        (
            "routes/_shared/a.yaml:2:11  transform.0.filter: unknown name oder, did you mean order? "
            "Known here: order, params, source, var, window"
        ),
        (
            "routes/_shared/a.yaml:3:3  transform.1: unknown kind 'fitler', did you mean 'filter'? "
            "One of: drop, filter, lookup, map, merge, python, rename, set, split, store, validate"
        ),
    ]


def test_an_unreadable_shared_file_is_told_with_every_use_of_it(root: Path, write: Write) -> None:
    write(
        {
            "orders.yaml": HEAD + "incoming: {use: _shop.yaml}\n",
            "stock.yaml": HEAD + "incoming: {use: _shop.yaml}\n",
            "fine.yaml": HEAD + INCOMING,
            "_shop.yaml": "http: {connection: a\n",
        }
    )
    found = read_routes(root)
    assert list(found.routes) == ["fine"]
    told = [(mistake.file, mistake.line, mistake.path) for mistake in found.mistakes]
    assert ("routes/_shop.yaml", 1, "") in told
    assert ("routes/orders.yaml", 3, "incoming.use") in told
    assert ("routes/stock.yaml", 3, "incoming.use") in told


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("_shared/nothing.yaml", "3:17  incoming.use: no file '_shared/nothing.yaml' in routes/"),
        (
            "../outside.yaml",
            "3:17  incoming.use: '../outside.yaml' leaves the routes folder; put the file under routes/",
        ),
        ("/etc/passwd", "3:17  incoming.use: '/etc/passwd' leaves the routes folder"),
        ("_link.yaml", "3:17  incoming.use: '_link.yaml' leaves the routes folder"),
        ("_linked/outside.yaml", "3:17  incoming.use: '_linked/outside.yaml' leaves the routes folder"),
        ("_a.yaml", "the files use each other in a circle: routes/_a.yaml → routes/_b.yaml → routes/_a.yaml"),
        ("_self.yaml", "the files use each other in a circle: routes/_self.yaml → routes/_self.yaml"),
        ("_list.yaml", "3:17  incoming.use: routes/_list.yaml holds no mapping to use here"),
        ("stock.yaml", "'stock.yaml' would be read as a route itself; begin its name or its folder's with _"),
        ("[_a.yaml]", "3:12  incoming.use: use names one file, such as _shared/clean.yaml"),
        ("", "3:17  incoming.use: use names one file"),
        ("12", "3:17  incoming.use: use names one file"),
        ("_folder", "3:17  incoming.use: no file '_folder' in routes/"),
        ("x" * 5000, "incoming.use: no file"),
        ('"a\\0b"', "incoming.use: use names one file"),
    ],
)
def test_a_wrong_reference_is_told_where_it_stands(root: Path, write: Write, use: str, message: str) -> None:
    write(
        {
            "orders.yaml": HEAD + f"incoming: {{use: {use}, http: {{connection: shop, path: /}}}}\n",
            "stock.yaml": HEAD + INCOMING,
            "../outside.yaml": "http: {}\n",
            "_a.yaml": "use: _b.yaml\n",
            "_b.yaml": "use: _a.yaml\n",
            "_self.yaml": "use: _self.yaml\n",
            "_list.yaml": "[]\n",
            "_folder/x": "",
        }
    )
    (root / "_link.yaml").symlink_to("../outside.yaml")
    (root / "_linked").symlink_to("..")
    found = read_routes(root)
    assert list(found.routes) == ["stock"]
    assert any(message in str(mistake) for mistake in found.mistakes), list(map(str, found.mistakes))


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("- {use: _map.yaml}", "4:11  transform.0.use: routes/_map.yaml holds no list of steps to use here"),
        ("- {use: _steps.yaml, filter: order.x}", "4:24  transform.0: 'filter' cannot stand beside use"),
        ("- use: _round.yaml", "the files use each other in a circle"),
        ("- use: _missing.yaml", "4:10  transform.0.use: no file '_missing.yaml' in routes/"),
    ],
)
def test_a_wrong_reference_to_steps_is_told(root: Path, write: Write, steps: str, message: str) -> None:
    write(
        {
            "orders.yaml": HEAD + "transform:\n  " + steps + "\n" + INCOMING,
            "_map.yaml": "filter: order.x\n",
            "_steps.yaml": "- filter: order.x\n",
            "_round.yaml": "- use: _round.yaml\n",
        }
    )
    assert any(message in text for text in mistakes(root)), mistakes(root)


def test_use_is_a_name_like_any_other_where_data_is_meant(root: Path, write: Write) -> None:
    write({"orders.yaml": HEAD + INCOMING + "transform:\n  - map: {use: order.use}\nparams: {use: 1}\n"})
    assert load(root).params == {"use": 1}


@pytest.mark.parametrize("key", ["route", "description", "entity", "incoming", "transform", "outgoing"])
def test_what_a_route_is_about_is_no_default(root: Path, write: Write, key: str) -> None:
    write({"_defaults.yaml": f"owner: x\n{key}: x\n", "orders.yaml": HEAD + INCOMING})
    (told,) = mistakes(root)
    assert told.startswith(f"routes/_defaults.yaml:2:1  {key}: {key!r} is not a default")


def test_files_that_use_others_twice_cannot_grow_without_bound(root: Path, write: Write) -> None:
    files = {f"_{level}.yaml": f"- use: _{level + 1}.yaml\n- use: _{level + 1}.yaml\n" for level in range(40)}
    write({**files, "_40.yaml": "- filter: order.x\n", "orders.yaml": HEAD + INCOMING + "transform: [use: _0.yaml]\n"})
    with pytest.raises(RouteError, match="more than 1000 files"):
        read_route(root, "orders")


def test_a_dumped_route_with_shared_parts_loads_again(root: Path, write: Write) -> None:
    from airflow_integrations.config.file_reference import Folder

    write(
        {
            "orders.yaml": HEAD + INCOMING + "transform: [use: _shared/steps.yaml]\n",
            "_shared/steps.yaml": "- validate: order.json\n",
            "_shared/order.json": "{}",
        }
    )
    loaded = read_route(root, "orders")
    assert isinstance(loaded, LoadedRoute)
    dumped = loaded.route.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert Route.load(dumped, folder=Folder(root, root)) == loaded.route
