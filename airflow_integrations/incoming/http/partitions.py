"""Mistakes in how a request reads its partition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_integrations.config.model import walk
from airflow_integrations.expressions import Expression, Structure, Template

if TYPE_CHECKING:
    from airflow_integrations.incoming.http.options import HttpIncomingConfig

__all__ = ["unread_mistakes"]


def unread_mistakes(config: HttpIncomingConfig) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where every partition would be the same request, or asks for what its kind does not have."""
    assert config.partitions is not None
    leaves = [leaf for _, leaf in walk(config) if isinstance(leaf, Expression | Structure | Template)]
    read = {path[1] for leaf in leaves for path in leaf.fields if path[0] == "partition" and len(path) > 1}
    in_list = config.partitions.list_ is not None
    if in_list and (other := sorted(read & {"start", "end"})):
        yield ("partitions",), f"a list gives each partition a value, and the request reads partition.{other[0]}"
    elif not read and not any("partition" in leaf.names for leaf in leaves):
        reads = "partition.value" if in_list else "partition.start and partition.end"
        yield (
            ("partitions",),
            f"the request reads no partition, so each would fetch the same; let path, query or body read {reads}",
        )
