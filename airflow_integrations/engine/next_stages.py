"""Find the stages that still have work, by the manifests: entities of this run, or some that it took over."""

from __future__ import annotations

from airflow_integrations.staging.manifest import Manifest

__all__ = ["anything", "for_push", "for_transform", "needed_later"]


def for_transform(fetched: Manifest) -> bool:
    """Whether transform and push follow fetch. What was only taken over goes through both, for push wants a manifest of
    transform."""
    return bool(fetched.entities or fetched.carried)


def for_push(fetched: Manifest, transformed: Manifest) -> bool:
    return bool(transformed.entities or fetched.carried)


def anything(fetched: Manifest) -> bool:
    """Whether fetch found or took over anything at all, be it only what it had to reject."""
    return for_transform(fetched) or bool(fetched.problems)


def needed_later(fetched: Manifest) -> bool:
    """Whether others need what a run has staged that found nothing itself: routes that have yet to read its earlier
    fetch, or entities whose payloads it keeps."""
    return bool(fetched.earlier or fetched.held)
