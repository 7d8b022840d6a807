"""``entities edit``: a person corrects a payload, which is kept beside the staged one until it is delivered."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.entities.mask import mask_of
from airflow_integrations.cli.entities.payload import differences, payload_secrets, staged_payload
from airflow_integrations.cli.entities.selected import by, confirm_or_abort, require_terminal
from airflow_integrations.cli.entities.show import found
from airflow_integrations.cli.terminal import out
from airflow_integrations.display.printable import pretty, visible
from airflow_integrations.errors import RunError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.ledger.actions.payload_edits import edit
from airflow_integrations.ledger.queries.views import EntityRecord
from airflow_integrations.masking.mask import Mask, hide
from airflow_integrations.masking.payloads import unmasked

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    now = time.time()
    question = f"keep this for {args.key}?"
    with open_ledger() as ledger:
        record = found(ledger, args.route, args.key, now)
        before, mask = _present(record), mask_of(ledger, args.route)
        secrets = payload_secrets(record, mask)
        shown = _shown(before, mask, secrets)
        if args.payload is None:
            if before is None or shown is None:
                raise RunError(f"the payload of {args.key} is gone: fetch it again, or give a whole one with --payload")
            if not args.yes:
                require_terminal(question)  # before somebody edits what could not be kept
            after = _by_editor(shown)
        else:
            after = _given(args.payload)
        after = unmasked(mask, after.encode(), None if before is None else before.encode(), secrets).decode()
        if not differences(before or "", pretty(after)):
            out("Nothing was changed.")
            return OK
        told = differences(shown or "", _shown(pretty(after), mask, secrets) or "")
        for line in told or ["only what the route masks is different"]:
            out(visible(line))
        if args.payload is None and not args.yes:
            confirm_or_abort(question)
        edit(ledger, args.route, args.key, after, by(), now)
    out(visible(f"kept; to send it: airflow-integrations entities retry {args.route} --key {shlex.quote(args.key)}"))
    return OK


def _shown(payload: str | None, mask: Mask, secrets: frozenset[str]) -> str | None:
    """The payload as the route masks it."""
    return (
        payload
        if payload is None or not mask
        else pretty(encode(hide(mask.value(read(payload.encode())), secrets)).decode())
    )


def _present(record: EntityRecord) -> str | None:
    """What would be sent now: what was edited before, else what is staged."""
    return staged_payload(record) if record.overlay is None else pretty(record.overlay.payload)


def _checked(content: bytes) -> str:
    """The text of a JSON object. Raises RunError with the place of the mistake."""
    try:
        value = read(content)
    except ContentError as error:
        raise RunError(str(error)) from None
    if not isinstance(value, dict):
        raise RunError("the payload has to be one JSON object")
    return content.decode().removeprefix("\ufeff")


def _given(place: str) -> str:
    try:
        content = sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}") from None
    return _checked(content)


def _by_editor(payload: str) -> str:
    """What the editor leaves. What is not JSON object stays in its file, which the error names."""
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    handle, name = tempfile.mkstemp(prefix="payload-", suffix=".json")
    path = Path(name)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(payload)
    try:
        ended = subprocess.run([*editor, name], check=False).returncode  # noqa: S603
    except OSError as error:
        path.unlink()
        raise UsageError(f"$EDITOR is {shlex.join(editor)}, which cannot be started: {error.strerror}") from None
    if ended:
        path.unlink()
        raise UsageError(f"{editor[0]} ended with {ended}: nothing was changed")
    try:
        edited = _checked(path.read_bytes())
    except RunError as error:
        raise RunError(f"{error}; nothing was changed, your text is in {path}") from None
    path.unlink()
    return edited
