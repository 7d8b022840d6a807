"""The requests of the kind ``http`` that the options of ``outgoing: {odata: …}`` come to."""

from __future__ import annotations

from typing import Any

from airflow_integrations.expressions import Expression, Template, Texts
from airflow_integrations.odata.body import TypedBody
from airflow_integrations.odata.bound import BoundText, BoundValue, equalities, key_predicate
from airflow_integrations.odata.typed import TypedExpression
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.odata.options import ODataOptions

__all__ = ["as_http", "writes_once"]

_ETAGS = {4: 'target["@odata.etag"] or "*"', 2: 'target["__metadata"]["etag"] or "*"'}


class _Header(BoundText):
    """An expression's text as a header."""

    def __init__(self, expression: Expression, sees: str) -> None:
        super().__init__((BoundValue("If-Match", expression, None, 4),), sees, "header")
        self._expression = expression

    def render(self, names: Any) -> str:
        return str(self._expression.compile()(names))


def writes_once(options: ODataOptions) -> bool:
    """Whether sending an entity twice does no harm."""
    return options.operation in ("update", "upsert") or options.idempotent


def as_http(options: ODataOptions, entity: str) -> HttpOptions:
    """The same as options of the kind ``http``: for entities that go one by one, and for deletions."""
    v4 = options.version == 4
    given: dict[str, Any] = {
        "connection": options.connection,
        "headers": _shared(options),
        "idempotency_header": None,
        "idempotent": writes_once(options),
        "retry_unsafe": options.retry_unsafe,
    }
    found = "body" if v4 else "body.d"
    if options.id:
        given["id"] = Expression(_property(found, options.id), "answer")
    if options.asks:
        given["upsert"] = _upsert(options, entity)
    else:
        given |= _write(options, entity)
        given["query"] = _in(options.query, "request")
        if (options.key or options.find) and options.operation == "create":
            given["verify"] = _verify(options)
    if options.delete:
        given["delete"] = {
            "method": "DELETE",
            "path": _path(options, options.delete, "deletion", "delete"),
            "query": _in(options.query, "deletion"),
            "headers": {"If-Match": "*"} if options.if_match else {},
        }
    return HttpOptions(**given)


def _protocol(options: ODataOptions) -> dict[str, str]:
    if options.version == 2:
        return {"DataServiceVersion": "2.0", "MaxDataServiceVersion": "2.0"}
    return {"OData-Version": "4.0", "OData-MaxVersion": "4.0"}


def _returning(options: ODataOptions) -> dict[str, str]:
    """An answer with the entity, where its id is wanted (OData 4.01, section 8.2.8.7)."""
    return {"Prefer": "return=representation"} if options.version == 4 and options.id is not None else {}


def _write(options: ODataOptions, entity: str) -> dict[str, Any]:
    """The one request for an entity, where nothing is asked before it."""
    if options.operation == "action":
        where: Any = BoundText((f"/{options.entity_set}",), "request", "path")
        if options.key:
            where = _path(options, options.key, "request", "key", behind=f"/{options.action}")
        elif options.action != options.entity_set:
            where = BoundText((f"/{options.entity_set}/{options.action}",), "request", "path")
        if options.version == 2 and options.body is None:  # its parameters stand in the query
            return {"method": "POST", "path": where, "body_text": ""}
        return {"method": "POST", "path": where, "body": _body(options, entity, "request", created=True)}
    if options.operation == "create":
        path = BoundText((f"/{options.entity_set}",), "request", "path")
        body = _body(options, entity, "request", created=True)
        return {"method": "POST", "path": path, "headers": _shared(options, **_returning(options)), "body": body}
    must_be_there = options.operation == "update" and options.if_match
    return {
        "method": options.method,
        "path": _path(options, options.key, "request", "key"),
        "headers": _shared(options, **_returning(options), **({"If-Match": "*"} if must_be_there else {})),
        "body": _body(options, entity, "request", created=options.operation == "upsert"),
    }


def _shared(options: ODataOptions, **more: str) -> dict[str, Any]:
    """Headers of all requests. With ``If-Match: *`` a PATCH never creates (OData 4.01, section 11.4.3)."""
    own = {name.lower() for name in options.headers}
    ours = {"Accept": "application/json", **_protocol(options), **more}
    return {name: text for name, text in ours.items() if name.lower() not in own} | dict(options.headers)


def _upsert(options: ODataOptions, entity: str) -> dict[str, Any]:
    v4 = options.version == 4
    query = _in(options.query, "at_target")
    if not v4:
        query["$format"] = "json"
    if options.key:
        path: Any = _path(options, options.key, "at_target", "key")
        update: Any = _path(options, options.key, "target", "key")
        target = "body" if v4 else "body.d"
    else:
        path = BoundText((f"/{options.entity_set}",), "at_target", "path")
        query["$filter"] = BoundText(equalities(options.find, options.version, "find"), "at_target", "query")
        query["$top"] = "2"
        target = "body.value" if v4 else "body.d.results"
        assert options.id is not None
        found = TypedExpression(_property("target", options.id), "target")
        update = _path(options, {options.id: found}, "target", "id")
    find: dict[str, Any] = {"path": path, "query": query, "target": target}
    if options.id:
        find["id"] = _property("target", options.id)
    match = {"If-Match": _Header(Expression(_ETAGS[options.version], "target"), "target")} if options.if_match else {}
    return {
        "find": find,
        "create": {
            "path": BoundText((f"/{options.entity_set}",), "request", "path"),
            "query": _in(options.query, "request"),
            "headers": _returning(options),
            "body": _body(options, entity, "request", created=True),
        },
        "update": {
            "method": options.method,
            "path": update,
            "query": _in(options.query, "target"),
            "headers": {**_returning(options), **match},
            "body": _body(options, entity, "target", created=False),
        },
    }


def _verify(options: ODataOptions) -> dict[str, Any]:
    query = _in(options.query, "at_target")
    v4 = options.version == 4
    if not v4:
        query["$format"] = "json"
    if options.key:
        path: Any = _path(options, options.key, "at_target", "key")
        held = "body" if v4 else "body.d"
        found = f"{held} is not None"
    else:
        path = BoundText((f"/{options.entity_set}",), "at_target", "path")
        query["$filter"] = BoundText(equalities(options.find, options.version, "find"), "at_target", "query")
        listed = "body.value" if v4 else "body.d.results"
        held, found = f"{listed}[0]", f"len({listed}) > 0"
    asked: dict[str, Any] = {"path": path, "query": query, "found_when": found}
    if options.id:
        asked["id"] = _property(held, options.id)
    return asked


def _path(options: ODataOptions, key: Any, sees: str, place: str, *, behind: str = "") -> BoundText:
    pieces = (f"/{options.entity_set}", *key_predicate(key, options.version, place))
    return BoundText((*pieces, behind) if behind else pieces, sees, "path")


def _body(options: ODataOptions, entity: str, sees: str, *, created: bool) -> TypedBody:
    definition = entity if options.body is None else options.body.definition
    left_out = () if created else options.create_only
    return TypedBody(definition, sees, options.types, options.version, without=left_out)


def _in(query: dict[str, Texts], sees: str) -> dict[str, Any]:
    def seeing(text: Template) -> Template:
        return Template(text.text, sees, "query")

    return {
        name: seeing(value) if isinstance(value, Template) else tuple(map(seeing, value))
        for name, value in query.items()
    }


def _property(holder: str, path: str) -> str:
    return holder + "".join(f'["{step}"]' for step in path.split("/"))
