"""The options of ``outgoing: {graphql: …}``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from airflow_integrations.errors import SetupError
from airflow_integrations.expressions import Expression, Sees, Structure, Template
from airflow_integrations.expressions.language.field_paths import only_fields
from airflow_integrations.graphql.document import DocumentError, parsed
from airflow_integrations.graphql.options import (
    GraphQLDocument,
    GraphQLRequest,
    Placed,
    document_mistakes,
    text_of_query,
)
from airflow_integrations.outgoing.http.request_options import HeaderName
from airflow_integrations.route.definition import Route

__all__ = ["GraphQLOptions", "GraphQLVerify", "document_checks", "option_mistakes"]


class GraphQLDelete(GraphQLDocument):
    """The mutation for an entity that the source no longer has. It may be carried out twice.

    Example:
        query: "mutation ($id: ID!) { productDelete(id: $id) { deletedId userErrors { message } } }"
        variables: {id: key}
    """

    variables: Annotated[Structure, Sees("deletion")]
    """The variables of the mutation; they see ``key`` and ``target_id``.

    Example: ``variables: {id: key}``
    """
    gone_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that says that the target no longer has it.

    Example: ``gone_when: body.data.productDelete.userErrors[0].code == "PRODUCT_DOES_NOT_EXIST"``
    """


class GraphQLVerify(GraphQLDocument):
    """The query whether an entity of unknown fate has arrived, for ``delivery.in_doubt: verify``.

    Example:
        query: "query ($name: String) { orders(first: 1, query: $name) { nodes { id } } }"
        variables: {name: order.number}
        found: body.data.orders.nodes[0]
        id: body.data.orders.nodes[0].id
    """

    variables: Annotated[Structure, Sees("at_target")]
    """The variables of the query.

    Example: ``variables: {name: order.number}``
    """
    found: Annotated[Expression, Sees("answer")]
    """What the target has; nothing, or an empty list: it has not arrived.

    Example: ``found: body.data.orders.nodes``
    """
    id: Annotated[Expression, Sees("answer")] | None = None
    """The target's id of it.

    Example: ``id: body.data.orders.nodes[0].id``
    """


class GraphQLOptions(GraphQLRequest):
    """Entities go to a GraphQL API, each by one mutation.

    Example:
        connection: shop
        query: |
          mutation ($input: ProductSetInput!) {
            productSet(input: $input) { product { id } userErrors { field message } }
          }
        variables: {input: {handle: order.sku, title: order.name}}
        id: body.data.productSet.product.id
        idempotent: true
    """

    variables: Annotated[Structure, Sees("at_target")]
    """The variables of the mutation, in the grammar of ``map``.

    Example: ``variables: {input: {title: order.name}}``
    """
    id: Annotated[Expression, Sees("answer")] | None = None
    """The entity's id at the target, from the answer, such as ``body.data.productSet.product.id``.

    Example: ``id: body.data.productSet.product.id``
    """
    delete: GraphQLDelete | None = None
    """The mutation for an entity that the source no longer has (``missing: emit``).

    Example:
        delete:
          query: "mutation ($id: ID!) { productDelete(id: $id) { deletedId userErrors { message } } }"
          variables: {id: key}
        query: "mutation ($sku: String!) { productSet(sku: $sku) { userErrors { message } } }"
    """
    verify: GraphQLVerify | None = None
    """How to ask whether an entity of unknown fate has arrived, for ``delivery.in_doubt: verify``.

    Example:
        verify:
          query: "query ($name: String) { orders(first: 1, query: $name) { nodes { id } } }"
          variables: {name: order.number}
          found: body.data.orders.nodes
        query: "mutation ($sku: String!) { productSet(sku: $sku) { userErrors { message } } }"
    """
    headers: dict[HeaderName, Annotated[Template, Sees("request", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example: ``headers: {X-Shop: eu}``
    """
    idempotent: Annotated[bool, Field(strict=True)] = False
    """The mutation may be repeated: it sets a state, or recognises what it has already taken.

    Example: ``idempotent: true``
    """
    retry_unsafe: Annotated[bool, Field(strict=True)] = False
    """Repeat a mutation whose outcome is unknown, although the target may then carry it out twice.

    Example: ``retry_unsafe: true``
    """


def option_mistakes(options: GraphQLOptions, route: Route) -> Iterator[Placed]:
    """What is wrong with the options in this route."""
    if route.delivery.batch > 1:
        yield (), f"a mutation carries one entity; set delivery.batch to 1 (it is {route.delivery.batch})"
    if route.missing != "ignore" and options.delete is None:
        remedy = "write delete: {query: …, variables: {id: target_id}}"
        yield (), f"missing: emit sends deletions and nothing says how; {remedy}"
    if options.delete is not None and options.id is None and "target_id" in options.delete.variables.names:
        yield ("delete", "variables"), "nothing tells what the target calls an entity; write id, or read key"
    if route.delivery.in_doubt == "verify":
        if options.verify is None:
            yield (), "delivery.in_doubt: verify asks the target, and nothing says how; write verify: {query: …}"
    elif options.verify is not None:
        yield ("verify",), "verify is asked only where delivery.in_doubt is verify; set that, or take verify out"


def document_checks(options: GraphQLOptions) -> Iterator[Placed]:
    """What is wrong with the documents, which may stand in files."""
    yield from document_mistakes(options, options.variables, kind="mutation")
    for name, request, kind in (("delete", options.delete, "mutation"), ("verify", options.verify, "query")):
        if request is not None:
            for place, text in document_mistakes(request, request.variables, kind=kind):
                yield (name, *place), text
    try:
        roots = parsed(text_of_query(options), options.operation).roots()
    except (DocumentError, SetupError):  # told above
        return
    reads = only_fields([options.id], "body") if options.id is not None else None
    for path in reads or ():
        if len(path) > 1 and path[0] == "data" and path[1] not in roots:
            yield ("id",), f"the mutation has no field {path[1]}; it has {', '.join(roots)}"
