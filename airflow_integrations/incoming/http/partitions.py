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
    wanted = {"value"} if config.partitions.list_ is not None else {"start", "end"}
    if other := sorted((read & {"value", "start", "end"}) - wanted):
        has = "value" if config.partitions.list_ is not None else "start and end"
        yield ("partitions",), f"partition has {has} here, and the request reads partition.{other[0]}"
    elif not read and not any("partition" in leaf.names for leaf in leaves):
        reads = " or ".join(f"partition.{name}" for name in sorted(wanted, reverse=True))
        yield (
            ("partitions",),
            f"the request reads no partition, so each would fetch the same; let path, query or body read {reads}",
        )
