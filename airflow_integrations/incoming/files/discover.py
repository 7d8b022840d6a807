"""What there is at a place of files: folders, files whose names differ by numbers alone, and what is in them."""

from __future__ import annotations

import io
import posixpath
import re
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from lzma import LZMAError
from typing import Any

from airflow_integrations.discovery import Bounds, Collection, Discovery
from airflow_integrations.discovery.guesses import guessed_key
from airflow_integrations.discovery.record_fields import fields_of
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.place import Place, is_object_store
from airflow_integrations.files.reading import bodies
from airflow_integrations.files.store import FileStore, Found
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.recognition.guessing import Guess, guessed_format
from airflow_integrations.formats.records_format import RecordsFormat
from airflow_integrations.plurals import counted
from airflow_integrations.window import rfc3339

__all__ = ["CONNECTION_TYPES", "discovered", "grouped"]

CONNECTION_TYPES = frozenset(
    {"sftp", "ssh", "ftp", "samba", "smb", "aws", "s3", "google_cloud_platform", "gcs", "wasb", "adls", "fs"}
)
LISTED = 100_000
"""Files of a folder that are looked at."""
OPENED = 20
"""Kinds of files of which one is opened."""
READ = 1024 * 1024
"""Bytes that are read of a file, unpacked."""
RECORDS = 100
SECONDS = 45.0
"""After that no further file is opened."""
_RUN = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\d+")


def discovered(
    path: str | None, place: Place, bounds: Bounds, monotonic: Callable[[], float] = time.monotonic
) -> Discovery:
    """Blocks. Raises SetupError for a path that the Connection does not fit, OutageError where the place is away."""
    path = _path(path, place)
    store = FileStore(path, place)
    found, folders = _listed(store, path)
    notes = []
    if len(found) > LISTED:
        notes.append(f"the files of {path} after the first {LISTED:,}; name a pattern as PLACE")
    groups = grouped([file.path.rpartition("/")[2] for file in found[:LISTED]])
    by_name = {file.path.rpartition("/")[2]: file for file in found[:LISTED]}
    made = [Collection(_beside(path, f"{name}/"), "folder") for name in folders]
    made += [_group(_beside(path, pattern), [by_name[name] for name in names]) for pattern, names in groups.items()]
    made = sorted(made, key=lambda each: each.name)
    if bounds.after is not None:
        made = [each for each in made if each.name > bounds.after]
    chosen, left_out = made[: bounds.most], max(len(made) - bounds.most, 0)
    until, opened = monotonic() + SECONDS, 0
    patterns = {_beside(path, pattern): names for pattern, names in groups.items()}
    for number, each in enumerate(chosen):
        if each.what != "files":
            continue
        if opened == OPENED or monotonic() > until:
            notes.append("what is in further kinds of files: name one of them as PLACE")
            break
        newest = max((by_name[name] for name in patterns[each.name]), key=lambda file: file.order)
        chosen[number] = _opened(store, each, newest, bounds)
        opened += 1
    return Discovery("files", tuple(chosen), tuple(notes), left_out)


def _path(path: str | None, place: Place) -> str:
    kind = place.kind.lower()
    if path is not None and "://" in path and not is_object_store(path.partition(":")[0]):
        raise SetupError(f"write PLACE without {path.partition('://')[0]}://: the Connection says where the server is")
    if path is None and kind == "fs" and not place.extra.get("path"):
        raise SetupError(f"Connection {place.name!r}: its extra has no path; name a folder as PLACE, such as /data/in")
    return path if path is not None else "/"


def _listed(store: FileStore, path: str) -> tuple[Sequence[Found], Sequence[str]]:
    """The files and folders there: of a folder, of a pattern, or the one file."""
    if any(wildcard in path for wildcard in "*?["):
        return store.list(), []
    return store.entries(LISTED + 1)


def _beside(path: str, name: str) -> str:
    """The name below the folder that was asked for; of a pattern or file its own folder."""
    if any(wildcard in path for wildcard in "*?["):
        return posixpath.join(path.rpartition("/")[0] or ("/" if path.startswith("/") else ""), name)
    if path.rstrip("/").rpartition("/")[2] == name.rstrip("/"):
        return path
    return f"{path.rstrip('/')}/{name}"


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """Patterns with the names that fit each: names that differ by numbers (dates, ids) alone are of one kind.

    A number that all of them share stays: ``orders_2026-11-*.csv``.
    """
    shapes: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        shapes.setdefault(tuple(_RUN.split(name)), []).append(name)
    found: dict[str, list[str]] = {}
    for between, some in shapes.items():
        runs = [set(each) for each in zip(*(_RUN.findall(name) for name in some), strict=True)]
        told = [next(iter(run)) if len(run) == 1 else "*" for run in runs]
        pattern = _literal(between[0])
        for run, text in zip(told, between[1:], strict=True):
            pattern += run + _literal(text)
        found.setdefault(pattern, []).extend(some)
    return found


def _literal(text: str) -> str:
    """As a pattern that fits this text alone."""
    return re.sub(r"([*?\[])", r"[\1]", text)


def _group(pattern: str, files: Sequence[Found]) -> Collection:
    sizes = [file.size for file in files if file.size is not None]
    times = [file.modified for file in files if file.modified is not None]
    about = {"files": f"{len(files):,}"}
    if times:
        about["last changed"] = rfc3339(datetime.fromtimestamp(int(max(times)), UTC))
    return Collection(pattern, "files", bytes=sum(sizes) if sizes else None, about=about)


def _opened(store: FileStore, group: Collection, file: Found, bounds: Bounds) -> Collection:
    """With the format and fields of one file."""
    try:
        with store.open(file) as content:
            start = content.read(READ)
            whole = len(start) < READ
    except OutageError as error:
        return replace(group, problem=str(error))
    except (OSError, EOFError, ValueError, zlib.error, LZMAError) as error:
        return replace(group, problem=f"{file.path}: it cannot be unpacked: {error}")
    guess = guessed_format(start, whole=whole)
    if guess.name == "json" and _unpacked(file.path).lower().endswith((".jsonl", ".ndjson")):
        guess = Guess("json_lines", {"format": "json_lines"})
    about = {"format": guess.name, **guess.about, **group.about}
    if guess.options is None:
        return replace(group, about=about, guessed=("format",))
    options, records, why = _records(guess, start, file.path)
    fields = fields_of(records, bounds.fields)
    key = guessed_key(fields)
    if why:
        about = {"records": why, **about}
    return replace(
        group,
        fields=fields,
        key=key,
        guessed=("format", "types", *(("key",) if key else ())),
        about=about,
        incoming={"path": group.name, **options} if fields else None,
        sampled={"path": group.name, **options, "settled": {"age": "0s"}},
    )


def _records(guess: Guess, start: bytes, path: str) -> tuple[dict[str, Any], list[Any], str]:
    """The options that read it, some records, and why there are none."""
    options = dict(guess.options or {})
    try:
        made = RecordsFormat.model_validate(options)
        found: Any = next(iter(bodies(io.BytesIO(start), _unpacked(path), made, rejects=True, empty=False)), [])
    except ContentError as error:
        return options, [], f"not read: {error}"
    if isinstance(found, dict) and not guessed_key(fields_of([found], RECORDS)):
        where, found = _list_inside(found)
        if where:
            options["records"] = where
    records = list(islice(found if isinstance(found, list) else [found], RECORDS))
    good = [each for each in records if not isinstance(each, BadRecord)]
    bad = len(records) - len(good)
    return options, good, f"{counted(bad, 'record')} cannot be read" if bad else ""


def _unpacked(path: str) -> str:
    """The name without the ending of what was unpacked already."""
    return re.sub(r"\.(?:gz|bz2|xz|zst)$", "", path, flags=re.IGNORECASE)


def _list_inside(document: dict[str, Any]) -> tuple[str, Any]:
    """The first list of objects in a document, with the expression that gives it."""
    if re.search(r"\W", "".join(document)) is None:
        for name, value in document.items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                return f"body.{name}", value
        for name, value in document.items():
            if isinstance(value, dict):
                where, found = _list_inside(value)
                if where:
                    return f"body.{name}.{where.removeprefix('body.')}", found
    return "", document
