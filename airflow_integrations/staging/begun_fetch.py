"""A fetch that begins anew takes entities over before its manifest can say so."""

from __future__ import annotations

from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["begins_anew", "was_begun_behind"]

_BEGUN = "fetch.begun"
"""Goes with the files of the earlier fetch, once the manifest of the new one is saved."""


def begins_anew(staging: Staging, fresh: Manifest) -> None:
    """Note that a fetch begins where another one's manifest is still there."""
    staging.write(_BEGUN, _which(fresh))


def was_begun_behind(staging: Staging, fetched: Manifest) -> bool:
    """Whether a later fetch had begun, and died before it could save its manifest: then the run may have taken over
    what ``fetched`` does not name."""
    try:
        content: bytes = (staging.folder / _BEGUN).read_bytes()
    except FileNotFoundError:
        return False
    return content != _which(fetched)


def _which(fetched: Manifest) -> bytes:
    return (fetched.version or "").encode()
