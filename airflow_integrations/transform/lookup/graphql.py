"""Rows of lookups that a GraphQL API gives, asked for by the HTTP lookup."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Sees, Structure, Template
from airflow_integrations.graphql.cost import CostedClient
from airflow_integrations.graphql.options import (
    GraphQLRequest,
    Placed,
    body_definition,
    document_mistakes,
    document_of,
    where_of,
)
from airflow_integrations.run import Run, Services
from airflow_integrations.transform.lookup.compared import Columns
from airflow_integrations.transform.lookup.http import HttpRows, Question
from airflow_integrations.transform.lookup.http_options import HttpLookup

if TYPE_CHECKING:
    from airflow_integrations.http import Answer, HttpClient
    from airflow_integrations.transform import Place

__all__ = ["GraphQLLookup", "GraphQLRows", "answer_mistakes"]

_THROTTLED = 'any([e.extensions.code == "THROTTLED" for e in body.errors or []])'


class GraphQLLookup(GraphQLRequest):
    """An object, or a list of objects, of a GraphQL API.

    Example:
        connection: shop
        query: "query ($email: String!) { customers(first: 2, email: $email) { nodes { id name } } }"
        variables: {email: order.email}
        records: customers
    """

    variables: Annotated[Structure, Sees("question")]
    """The variables of the query, in the grammar of ``map``.

    Example:
        variables: {email: order.email}
        query: "query ($email: String!) { customers(email: $email) { id name } }"
    """
    records: Annotated[str, Field(pattern=r"^[_A-Za-z]\w*(\.[_A-Za-z]\w*)*$", max_length=300)]
    """Where the answer's data has the object, the list, or the connection with ``nodes`` or ``edges``.

    Example:
        records: customers
        query: "query ($email: String!) { customers(email: $email) { id name } }"
    """

    def as_http(self) -> HttpLookup:
        """The same as options of the kind ``http``. Raises SetupError where the document cannot be sent."""
        text, document = document_of(self)
        at = "body.data" + "".join(f'["{step}"]' for step in self.records.split("."))
        fields = document.at(self.records) or {}
        if "nodes" in fields:
            at = f"{at}.nodes"
        elif "edges" in fields:
            at = f"[edge.node for edge in {at}.edges]"
        body = body_definition(self, text, self.variables)
        return HttpLookup(
            connection=self.connection,
            path=Template(self.path, "question", "path"),
            body=Structure(body, "question"),
            records=at,
            error_when="body.errors",
            retry_when=_THROTTLED,
        )


def answer_mistakes(config: GraphQLLookup, columns: Collection[str]) -> Iterator[Placed]:
    """Where nothing could ever be found, because the query does not ask for it: the records, and ``columns`` of
    ``where``. Their places are those in ``lookup``."""
    wrong = list(document_mistakes(config, config.variables, kind="query"))
    yield from ((("graphql", *place), text) for place, text in wrong)
    if any(place == (where_of(config),) for place, _ in wrong):
        return  # it cannot be read
    _, document = document_of(config)
    fields = document.at(config.records)
    if fields is None:
        asked = ", ".join(document.roots())
        yield ("graphql", "records"), f"the query asks for no {config.records}; its fields are {asked}"
        return
    at = config.records
    for page in ("nodes", "edges.node"):
        if page.split(".")[0] in fields:
            at, fields = f"{at}.{page}", document.at(f"{at}.{page}") or {}
            break
    for column in columns:
        if column not in fields:
            asked = ", ".join(fields) or "none"
            why = f"the query does not ask for {column} in {at}: nothing would ever be found; add it there"
            yield ("where", column), f"{why}. It asks for: {asked}"


class GraphQLRows:
    """As those of HTTP. The document is read when the lookup is opened."""

    _rows: _Rows

    def __init__(self, name: str, config: GraphQLLookup, columns: Columns, cache: Any, place: Place) -> None:
        self._config = config
        self._given = name, columns, cache, place

    async def open(self, base: Mapping[str, Any], run: Run, services: Services) -> None:
        name, columns, cache, place = self._given
        self._rows = _Rows(name, self._config.as_http(), columns, cache, place)
        self._rows.path = self._config.records.split(".")
        await self._rows.open(base, run, services)

    def question(self, names: Mapping[str, Any]) -> Question | None:
        return self._rows.question(names)

    async def find(self, questions: Collection[Question]) -> dict[Question, Any]:
        return await self._rows.find(questions)

    def nothing_found(self, question: Question) -> str:
        return self._rows.nothing_found(question)

    def waits(self, question: Question) -> tuple[tuple[str, str], ...]:
        return ()

    def warnings(self) -> list[str]:
        return self._rows.warnings()

    def finished(self) -> None:
        self._rows.finished()


class _Rows(HttpRows):
    path: list[str]
    """Where the data has the list."""

    async def open(self, base: Mapping[str, Any], run: Run, services: Services) -> None:
        await super().open(base, run, services)
        self._client = cast("HttpClient", CostedClient(self._client))

    def _names(self, answer: Answer, head: Any = None) -> dict[str, Any]:
        names = super()._names(answer, head)
        body = names["body"]
        at = body.get("data") if isinstance(body, Mapping) else None
        for step in self.path:
            at = at.get(step) if isinstance(at, Mapping) else None
        info = at.get("pageInfo") if isinstance(at, Mapping) else None
        if isinstance(info, Mapping) and info.get("hasNextPage") is True:
            raise EntityError(f"{'.'.join(self.path)} has more than came; ask for what is one, or for more at once")
        return names
