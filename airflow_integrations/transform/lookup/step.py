"""``lookup``: what a table, a service, another route or a store knows about the entity, under a name of its own."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from airflow_integrations.config.model import walk
from airflow_integrations.config.suggestions import continued
from airflow_integrations.entity import Entity
from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.expressions import AIRFLOW_NAMES, SCOPES
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.run import Run, Services, entity_names
from airflow_integrations.sql.statement import parameter_mistakes
from airflow_integrations.transform import Fates, FoundMistakes, Place, TransformerBase
from airflow_integrations.transform.lookup.compared import Columns
from airflow_integrations.transform.lookup.delivered import FIELDS, DeliveredRows
from airflow_integrations.transform.lookup.graphql import GraphQLRows, answer_mistakes
from airflow_integrations.transform.lookup.http import HttpRows
from airflow_integrations.transform.lookup.odata import ODataRows
from airflow_integrations.transform.lookup.options import LookupOptions
from airflow_integrations.transform.lookup.rows import Later, Rows
from airflow_integrations.transform.lookup.sql import SqlRows
from airflow_integrations.transform.lookup.stored import StoredRows
from airflow_integrations.transform.lookup.table import TableRows, load_table
from airflow_integrations.window import EPOCH, Window

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route

__all__ = ["Lookup"]

MOST_ELEMENTS = 10_000
"""Of a list that is looked up for one entity."""
_TAKEN = frozenset(name for scope in SCOPES.values() for name in scope.names) | AIRFLOW_NAMES.keys()


class Lookup(TransformerBase):
    """Finds one row for each entity, or for each element of one of its lists, or all rows that match; expressions
    behind it read them by the lookup's name.

    Where nothing is found the entity is rejected, or goes on with null under that name. A compared value that is null
    finds nothing. Rows belong to the table: expressions read them, nothing changes them.
    """

    keeps_fields = True
    Config = LookupOptions

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._each = config.each.compile() if config.each else None
        self._rows = _source(config, place)

    async def open(self, run: Run, services: Services) -> None:
        await super().open(run, services)
        await self._rows.open(self.base, run, services)

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        asked: list[tuple[Entity, list[Hashable | None]]] = []
        for entity in batch:
            names = entity_names(self.base, self.place.entity, entity)
            self.watch.see(names)
            try:
                asked.append((entity, list(self._questions(names))))
            except EntityError as error:
                self.reject(entity, error, fates)
        wanted = {question: None for _, questions in asked for question in questions if question is not None}
        found = await self._rows.find(wanted.keys()) if wanted else {}
        going_on = []
        for entity, questions in asked:
            rows = [None if question is None else found.get(question) for question in questions]
            if self._stays(entity, questions, rows, fates):
                if self.config.all:
                    rows = [row or [] for row in rows]
                row = rows if self._each is not None else rows[0]
                name = self.config.name
                entity.found = {**entity.found, name: row} if entity.found else {name: row}
                going_on.append(entity)
        return going_on

    def finished(self) -> None:
        if isinstance(self._rows, HttpRows | GraphQLRows):
            self._rows.finished()

    def warnings(self) -> list[str]:
        return [*super().warnings(), *self._rows.warnings()]

    def _questions(self, names: dict[str, Any]) -> Iterator[Hashable | None]:
        if self._each is None:
            yield self._rows.question(names)
            return
        for number, element in enumerate(self._elements(names), 1):
            try:
                yield self._rows.question({**names, "item": element})
            except EntityError as error:
                told = f"{error.field}: {error.reason}" if error.field else error.reason
                raise EntityError(f"element {number}: {told}", field="each") from None

    def _elements(self, names: dict[str, Any]) -> Sequence[Any]:
        assert self._each is not None
        text = self.config.each.text
        try:
            elements = self._each(names)
        except EntityError as error:
            raise EntityError(error.reason, field="each") from None
        if elements is None:
            raise EntityError(f"{text} is null or missing; write {text} or [] where it may be", field="each")
        if not isinstance(elements, (list, tuple)):
            raise EntityError(f"{text} is not a list but {kind_of(elements)}", field="each")
        if len(elements) > MOST_ELEMENTS:
            raise EntityError(
                f"{text} has {len(elements)} elements; at most {MOST_ELEMENTS} are looked up", field="each"
            )
        return elements

    def _stays(self, entity: Entity, questions: Sequence[Any], rows: Sequence[Any], fates: Fates) -> bool:
        """Whether the entity goes on with what was found; else it is handed over."""
        missing = self.config.missing
        waiting: list[tuple[str, tuple[tuple[str, str], ...]]] = []
        for number, (question, row) in enumerate(zip(questions, rows, strict=True), 1):
            which = f"element {number}: " if self._each is not None else ""
            if isinstance(row, EntityError):
                self.reject(entity, EntityError(f"{which}{row.reason}", field=row.field), fates)
                return False
            if isinstance(row, Later):
                waiting.append((f"{which}{row.reason}", ()))
            elif row is None and missing not in (None, "null"):
                reason = f"{which}{self._nothing_found(question)}"
                if missing == "fail":
                    raise AnswerError(f"{self.place}: {reason}, and missing: fail ends the run")
                if missing == "reject" or question is None:
                    self.reject(entity, EntityError(reason), fates)
                    return False
                waiting.append((reason, self._rows.waits(question)))
        if not waiting:
            return True
        reason, _ = waiting[0]
        more = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
        # Where one of them waits for nothing that the ledger knows, no delivery makes the entity ready.
        waits = tuple(each for _, some in waiting for each in some) if all(some for _, some in waiting) else ()
        fates.missing(entity, f"{self.place}: {reason}{more}", waits=waits)
        return False

    def _nothing_found(self, question: Any) -> str:
        if question is not None:
            return self._rows.nothing_found(question)
        config = self.config
        read = config.key.text if config.key else ", ".join(expression.text for expression in config.where.values())
        return f"nothing to look {config.name} up with: {read} is null or missing"

    @classmethod
    def by_key(cls, config: Any) -> bool:
        """Not where something ends the whole run, nor where something is created: the ledger's claims are a run's."""
        return config.missing != "fail" and (config.http is None or config.http.create is None)

    @classmethod
    def mistakes(cls, config: Any, route: Route) -> FoundMistakes:
        if config.name in _TAKEN or config.name == route.entity.name:
            yield ("name",), f"{config.name!r} already means something in expressions; call the lookup something else"
        yield from _names_out_of_place(config, route)
        if config.missing == "fail" and _takes_events(route):
            text = "fail would end each run for the event that finds nothing, and those behind it would wait for ever"
            yield ("missing",), f"{text}; write reject or retry"
        if config.route is not None:
            yield from _unknown_fields(config, route)
        for name in ("query", "where") if config.sql is not None else ():
            if (sql := getattr(config.sql, name)) is not None:
                for text in parameter_mistakes(sql, route.params):
                    yield ("sql", name), text
        for stage in route.transform:
            if stage.config is config:
                return
            if isinstance(stage.config, cls.Config) and stage.config.name == config.name:
                yield ("name",), f"an earlier lookup is called {config.name!r} already"

    @classmethod
    async def check_online(cls, config: Any, route: Route, services: Services) -> list[tuple[tuple[Any, ...], str]]:
        """What the system that is asked says against the options; a database raises SetupError and OutageError."""
        if config.sql is not None:
            run = Run(route, "validate", Window(EPOCH, datetime.now(UTC)), params=dict(route.params))
            await SqlRows(config.name, config.sql, config.where, config.cache).check(run, services)
            return []
        from airflow_integrations.transform.lookup.online import asked

        return await asked(config, services)

    @classmethod
    def check_files(cls, config: Any) -> FoundMistakes:
        if config.file is not None:
            try:
                load_table(config.file.path, tuple(config.where), config.delimiter, every=config.all)
            except ValueError as error:
                yield ("file",), f"{config.file.text} {error}"
        if config.graphql is not None:
            yield from answer_mistakes(config.graphql, config.where)


def _source(config: LookupOptions, place: Place) -> Rows:
    if config.http is not None:
        return HttpRows(config.name, config.http, Columns(config.where), config.cache, place)
    if config.odata is not None:
        return ODataRows(config.name, config.odata, Columns(config.where), config.cache, place)
    if config.graphql is not None:
        return GraphQLRows(config.name, config.graphql, Columns(config.where), config.cache, place)
    if config.file is not None:
        return TableRows(config.name, config.file, Columns(config.where), config.delimiter, place, every=config.all)
    if config.sql is not None:
        return SqlRows(config.name, config.sql, config.where, config.cache, every=config.all)
    assert config.key is not None
    if config.route is not None:
        return DeliveredRows(config.name, config.route, config.key)
    return StoredRows(config.name, cast("str", config.store), config.key)


def _takes_events(route: Route) -> bool:
    trigger = route.trigger
    return trigger is not None and (
        trigger.webhook is not None or trigger.listen is not None or trigger.latency == "low"
    )


def _unknown_fields(config: LookupOptions, route: Route) -> FoundMistakes:
    """Fields that steps behind it read, and that what a route has delivered does not have: they would be null."""
    behind = [stage.config for stage in route.transform]
    behind = behind[[stage is config for stage in behind].index(True) + 1 :]
    for _, leaf in (found for each in (*behind, route.outgoing.config) for found in walk(each)):
        for path in sorted(getattr(leaf, "fields", ())):
            steps = path[2:] if config.each is not None and path[1:2] == ("*",) else path[1:]
            if path[0] == config.name and steps and steps[0] not in FIELDS:
                told = continued(steps[0], FIELDS, of="It has")
                yield ("route",), f"what a route has delivered has no field {steps[0]!r}{told}"
                return


def _names_out_of_place(config: LookupOptions, route: Route) -> FoundMistakes:
    """``item`` without ``each``, ``ids`` without ``batch``, and one entity's names in a request for many."""
    batch = config.http is not None and config.http.batch is not None
    lookups = {stage.config.name for stage in route.transform if stage.kind == "lookup"}
    of_one = {route.entity.name, "source", "item", *lookups}
    for place, leaf in walk(config):
        names: Mapping[str, None] = dict.fromkeys(sorted(getattr(leaf, "names", ())))
        if getattr(leaf, "sees", None) != "question":
            continue
        together = batch and place[0] == "http"
        if "item" in names and config.each is None:
            yield place, "item is an element of each, and the lookup has no each; write each: order.lines, or the field"
        if "ids" in names and not together:
            yield place, "ids are the keys of a request for many; it has them where http.batch says so"
        for name in names if together else ():
            if name in of_one:
                text = f"{name} is one entity's, and one request asks for the keys of many (http.batch)"
                yield place, f"{text}: read ids, the list of the keys"
