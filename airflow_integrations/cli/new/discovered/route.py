"""Write a route, its JSON Schema and its test from what is at both ends."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, replace
from typing import Any

from airflow_integrations.cli.command import UsageError, awaited
from airflow_integrations.cli.discover.look import Briefly, discover
from airflow_integrations.cli.discover.place import is_place, one_of, parted
from airflow_integrations.cli.new.discovered.masked_samples import invented, masked_samples
from airflow_integrations.cli.new.discovered.sample import sampled
from airflow_integrations.cli.new.discovered.target import Target, target_of
from airflow_integrations.cli.new.discovered.texts import Ends, route_text, schema_of, test_text
from airflow_integrations.discovery import Bounds, Collection
from airflow_integrations.discovery.record_fields import fields_of
from airflow_integrations.display.printable import json_text, visible
from airflow_integrations.expressions.functions.catalogue import CATALOGUE
from airflow_integrations.expressions.scopes import SCOPES
from airflow_integrations.run import Services
from airflow_integrations.simulate.trial import quiet_log

__all__ = ["Written", "discovered_texts"]

_OTHER = {"http": {"connection": "target", "method": "POST", "path": "/documents"}, "none": {}}


@dataclass(frozen=True, slots=True)
class Written:
    """The texts, and what people are told of them."""

    route: str
    test: str
    schema: str
    notes: tuple[str, ...]


def discovered_texts(name: str, source: str, target: str, entity: str | None) -> Written:
    """Raises UsageError for places that do not name one thing, SetupError and OutageError."""
    return awaited(_texts(name, source, target, entity))


async def _texts(name: str, source: str, target: str, entity: str | None) -> Written:
    connection, place = parted(source)
    if not is_place(target) and target not in _OTHER:
        raise UsageError(f"--to {target} needs a preset in --from as well, such as --from shopify")
    async with Services(Briefly(), log=quiet_log()) as services:
        found = await discover(connection, place, services, Bounds())
        one = one_of(found, f"--from {source}")
        if one.incoming is None:
            why = one.problem or "; ".join(f"{what}: {text}" for what, text in one.about.items())
            raise UsageError(f"--from {source}: a route that reads it has to be written by hand ({visible(why)})")
        records, none_seen = await sampled(found.kind, connection, one, services)
        outgoing: dict[str, Any] = {target: _OTHER[target]} if target in _OTHER else {}
        to: Target = (outgoing, None, ()) if outgoing else await target_of(*parted(target), services)
    one = replace(one, fields=tuple(field for field in one.fields if not field.apart))
    if not one.fields:
        one = replace(one, fields=fields_of(records, Bounds().fields))
    key = one.key or (one.fields[0].name,)
    samples = masked_samples(records or [invented(one.fields)], key)
    ends = Ends(
        name,
        entity or _entity(one, place),
        found.kind,
        connection,
        one,
        *to,
        key,
        samples,
    )
    schema_file = f"schemas/{name}.json"
    made = route_text(ends, schema_file)
    notes = () if records else (f"no record could be seen ({none_seen}); the test has an invented one",)
    schema = json_text(schema_of(ends), indent=2) + "\n"
    return Written(made, test_text(ends, made), schema, notes)


def _entity(one: Collection, place: str) -> str:
    """What one entity may be called, by the name of what holds them."""
    last = re.split(r"[./#]", re.sub(r"\.\w{1,5}(?:\.gz)?$", "", place) if one.what == "files" else place)[-1]
    words = re.findall(r"[A-Za-z]+(?:_[A-Za-z]+)*", last)
    name = words[0].lower() if words else "record"
    for ending, single in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if name.endswith(ending) and not name.endswith("ss") and len(name) > len(ending) + 1:
            name = name[: -len(ending)] + single
            break
    taken = keyword.iskeyword(name) or name in CATALOGUE or any(name in scope.names for scope in SCOPES.values())
    return "record" if taken or not name.isascii() else name[:60]
