"""What a GraphQL document asks for: its operation, its root fields, and lists of which a page alone would be read.

Needs graphql-core, which parses (https://spec.graphql.org/). Connections: https://relay.dev/graphql/connections.htm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import SetupError

if TYPE_CHECKING:
    from graphql import DocumentNode, FieldNode, OperationDefinitionNode, SelectionSetNode

__all__ = ["Document", "DocumentError", "parsed"]

MAX_LENGTH = 200_000
MAX_TOKENS = 20_000
_MOST_FIELDS = 10_000
_INSTALL = "graphql needs graphql-core: pip install 'airflow-integrations[graphql]'"


class DocumentError(ValueError):
    """A document that cannot be sent as it is."""


@lru_cache(maxsize=256)
def parsed(text: str, operation: str | None) -> Document:
    """Raises DocumentError for text that is not GraphQL, SetupError where graphql-core is not installed."""
    try:
        from graphql import GraphQLSyntaxError, OperationDefinitionNode, parse
    except ImportError:
        raise SetupError(_INSTALL) from None
    if len(text) > MAX_LENGTH:
        raise DocumentError(f"it has {len(text)} characters; at most {MAX_LENGTH} are sent")
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
    except GraphQLSyntaxError as error:
        place = error.locations[0] if error.locations else None
        where = f" (line {place.line}, column {place.column})" if place else ""
        raise DocumentError(f"it is not GraphQL: {error.message.removeprefix('Syntax Error: ')}{where}") from None
    except RecursionError:
        raise DocumentError("it is nested too deeply") from None
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    names = [node.name.value if node.name else "" for node in operations]
    if operation is not None:
        chosen = [node for node, name in zip(operations, names, strict=True) if name == operation]
    else:
        chosen = operations
    if len(chosen) != 1:
        told = ", ".join(name or "one without a name" for name in names) or "none"
        raise DocumentError(f"one operation is sent; write operation: its name. It has: {told}")
    return Document(document, chosen[0])


@dataclass(frozen=True, eq=False)
class Document:
    """One operation of a document."""

    node: DocumentNode
    operation: OperationDefinitionNode

    @property
    def kind(self) -> str:
        """``query``, ``mutation`` or ``subscription``."""
        return self.operation.operation.value

    @property
    def variables(self) -> frozenset[str]:
        return frozenset(each.variable.name.value for each in self.operation.variable_definitions)

    @property
    def needed(self) -> frozenset[str]:
        """Variables without which the operation cannot be carried out."""
        from graphql import NonNullTypeNode

        return frozenset(
            each.variable.name.value
            for each in self.operation.variable_definitions
            if isinstance(each.type, NonNullTypeNode) and each.default_value is None
        )

    def roots(self) -> Mapping[str, FieldNode]:
        """Its root fields by the names that its answer gives them."""
        return self._fields(self.operation.selection_set)

    def at(self, path: str) -> Mapping[str, Any] | None:
        """What is asked for at a dotted path of the answer's data, by name; None where that is not asked for at all.

        Empty for a field without fields of its own.
        """
        fields = self.roots()
        for step in path.split("."):
            field = fields.get(step)
            if field is None:
                return None
            fields = self._fields(field.selection_set)
        return fields

    def cut_lists(self, path: str | None) -> Iterator[str]:
        """Nested lists that are asked for by ``first`` or ``last`` without asking whether there is more of them.

        ``path`` is that of the records, whose own pages are followed.
        """
        waiting: list[tuple[tuple[str, ...], FieldNode]] = [((name,), field) for name, field in self.roots().items()]
        for _ in range(_MOST_FIELDS):  # fragments in fragments grow without bound
            if not waiting:
                return
            here, field = waiting.pop()
            inner = self._fields(field.selection_set)
            cut = {argument.name.value for argument in field.arguments} & {"first", "last"}
            place = ".".join(here)
            if cut and inner.keys() & {"nodes", "edges"} and place != path:
                info = self._fields(inner["pageInfo"].selection_set) if "pageInfo" in inner else {}
                asked = "hasNextPage" if "first" in cut else "hasPreviousPage"
                if asked not in info:
                    yield place
            waiting += [((*here, name), each) for name, each in reversed(inner.items())]

    def _fields(self, selected: SelectionSetNode | None) -> dict[str, FieldNode]:
        """The fields of a selection by the names that the answer gives them, those of fragments among them."""
        from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode

        found: dict[str, FieldNode] = {}
        waiting = [selected] if selected is not None else []
        spread: set[str] = set()
        while waiting:
            for node in waiting.pop().selections:
                if isinstance(node, FieldNode):
                    found[node.alias.value if node.alias else node.name.value] = node
                elif isinstance(node, InlineFragmentNode):
                    waiting.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    waiting += self._fragments.get(node.name.value, [])
        return found

    @cached_property
    def _fragments(self) -> dict[str, list[SelectionSetNode]]:
        from graphql import FragmentDefinitionNode

        return {
            node.name.value: [node.selection_set]
            for node in self.node.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
