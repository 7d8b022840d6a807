"""``retry`` and ``confirm`` of the trigger form: what a run is to do about entities that are still open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk import Param

from airflow_integrations.config.suggestions import continued
from airflow_integrations.entity import MAX_KEY_LENGTH, key_text
from airflow_integrations.ledger.records import MOST_KEYS, RETRIED, RetryWanted
from airflow_integrations.ledger.status import BY_STATUS

__all__ = ["MAX_CONFIRMATIONS", "Confirmation", "confirmations", "params", "retry"]

MAX_CONFIRMATIONS = 10_000
MAX_TEXT = 1000
"""Of a target's id or reason."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the target, or a person who looked there, says of an entity: it arrived, or it ``failed`` and why."""

    key: str
    target_id: str | None = None
    failed: str | None = None


_KEY: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH}
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}


def params() -> dict[str, Param]:
    """Both as Airflow params, refused by Airflow itself where they have another form."""
    return {
        "retry": Param(
            None,
            title="Retry",
            description="Send again what is still open, and fetch nothing: due, failed, rejected, in_doubt, waiting, "
            'retrying, skipped or all; or {"keys": […], "statuses": […], "error": fingerprint}. Empty: as usual.',
            type=["null", "string", "object"],
            anyOf=[
                {"type": "null"},
                {"type": "string", "enum": [*RETRIED]},
                {
                    "type": "object",
                    "properties": {
                        "keys": {"type": "array", "items": _KEY, "minItems": 1, "maxItems": MOST_KEYS},
                        "statuses": {"type": "array", "items": {"enum": [*BY_STATUS]}, "minItems": 1},
                        "error": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
                    },
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            ],
        ),
        "confirm": Param(
            None,
            title="Confirm",
            description='What became of entities that wait or are in doubt: [{"key": …, "target_id": …}], or '
            '[{"key": …, "failed": why}]. The run does nothing else. Empty: as usual.',
            type=["null", "array"],
            items={
                "type": "object",
                "properties": {"key": _KEY, "target_id": _TEXT, "failed": _TEXT},
                "required": ["key"],
                "additionalProperties": False,
                "not": {"required": ["target_id", "failed"]},
            },
            maxItems=MAX_CONFIRMATIONS,
        ),
    }


def retry(value: Any) -> RetryWanted:
    """Read ``retry``. Raises ValueError."""
    if isinstance(value, str):
        if value not in RETRIED:
            raise ValueError(f"{value!r} cannot be asked for{continued(value, RETRIED)}")
        return RETRIED[value]
    if not isinstance(value, Mapping) or not value:
        raise ValueError("give one of " + ", ".join(RETRIED) + ", or an object with keys, statuses or error")
    if unknown := sorted(set(value) - {"keys", "statuses", "error"}):
        raise ValueError(f"{', '.join(unknown)} is unknown; keys, statuses and error select")
    keys, statuses, error = value.get("keys"), value.get("statuses"), value.get("error")
    if keys is not None and (not isinstance(keys, list) or not 0 < len(keys) <= MOST_KEYS):
        raise ValueError(f"keys is a list of 1 to {MOST_KEYS} keys")
    if statuses is not None and (
        not isinstance(statuses, list) or not statuses or any(status not in BY_STATUS for status in statuses)
    ):
        raise ValueError(f"statuses is a list of {', '.join(BY_STATUS)}")
    if error is not None and not isinstance(error, str):
        raise ValueError("error is the fingerprint of an error, a text")
    return RetryWanted(
        statuses=None if statuses is None else frozenset(statuses),
        keys=None if keys is None else frozenset(map(key_text, keys)),
        fingerprint=error,
    )


def confirmations(value: Any) -> tuple[Confirmation, ...]:
    """Read ``confirm``. Raises ValueError."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_CONFIRMATIONS:
        raise ValueError(f"give a list of 1 to {MAX_CONFIRMATIONS} objects with a key")
    found: dict[str, Confirmation] = {}
    for each in value:
        if not isinstance(each, Mapping) or "key" not in each or set(each) - {"key", "target_id", "failed"}:
            raise ValueError("each is an object with a key, and target_id or failed")
        texts = [each.get("target_id"), each.get("failed")]
        if all(texts) or not all(text is None or (isinstance(text, str) and text) for text in texts):
            raise ValueError(f"{each['key']!r}: target_id and failed are texts, and exclude each other")
        key = key_text(each["key"])
        if key in found:
            raise ValueError(f"{key!r} is there twice")
        found[key] = Confirmation(key, *texts)
    return tuple(found.values())
