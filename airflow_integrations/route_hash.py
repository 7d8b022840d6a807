"""Whether two stages of a run work by the same definition."""

from __future__ import annotations

import hashlib
import json

from airflow_integrations.model import FileReference, walk
from airflow_integrations.route import Route

__all__ = ["route_hash"]


def route_hash(route: Route) -> str:
    """32 hexadecimal digits over the resolved definition and the bytes of every file it names.

    Equal however the route was written: as YAML, JSON or Python, in one file or with shared parts. Comments, the order
    of keys and options that were left at their default in different ways do not count; the order of mapped fields
    does not either. Who is told of it does not make it another route. Raises OSError where a file it names is gone.
    """
    digest = hashlib.blake2b(digest_size=16)
    definition = route.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"alerts"})
    digest.update(json.dumps(definition, sort_keys=True, default=str).encode())
    for leaf in files_of(route):
        digest.update(b"\0" + hashlib.blake2b(leaf.path.read_bytes(), digest_size=16).digest())
    return digest.hexdigest()


def files_of(route: Route) -> list[FileReference]:
    """The files that a route's stages name, in its order."""
    stages = (route.incoming, *route.transform, route.outgoing)
    return [leaf for stage in stages for _, leaf in walk(stage.config) if isinstance(leaf, FileReference)]
