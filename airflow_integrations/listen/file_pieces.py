"""A file becomes messages of bounded size: always the same ones, however often it is read."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from gzip import BadGzipFile
from lzma import LZMAError
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.document import DocumentReader
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.unpacking import is_zip
from airflow_integrations.ledger.inbox.event_reader import MAX_RECORDS, record_list
from airflow_integrations.listen import Message
from airflow_integrations.listen.file_store import FileStore, Found
from airflow_integrations.listen.options import ListenOptions

__all__ = ["BAD", "END", "pieces"]

END, BAD = "#end", "#bad"
"""What the id of a file's last message, its mark, ends in: all of it was read, or the rest cannot be."""

CHUNK = 256 * 1024
PIECE_RECORDS = 1000
PIECE_BYTES = 1024 * 1024
"""Of records as JSON, in one message; a larger one has a message of its own."""
MAX_BAD = 1000
"""Records of one file that cannot be read: with more of them the file is another one than the route expects."""
MAX_DOCUMENT = 64 * 1024 * 1024
"""Bytes of a file whose format has to be read as a whole."""
_TYPES = {
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
    "ndjson": "application/x-ndjson",
    "xml": "application/xml",
}
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")


def pieces(store: FileStore, file: Found, options: ListenOptions, params: Mapping[str, Any]) -> Iterator[Message]:
    """The file's records in messages; the last one, which holds none, has a ``handle``. Raises OutageError.

    A record that cannot be read is a message of its own, which is of no use.
    """
    number, bad, end, fault = 0, 0, END, None
    try:
        with store.open(file) as content:
            for body in _cut(_records(content, file, options, params)):
                if isinstance(body, BadRecord):
                    bad += 1
                    if bad > MAX_BAD:
                        raise ContentError(f"over {MAX_BAD:,} records cannot be read; the next one: {body.reason}")
                    kept, end = body.content.encode("utf-8", "backslashreplace"), BAD
                    yield Message(f"{file.mark}#{number}", kept, file.path, fault=body.reason)
                else:
                    yield Message(f"{file.mark}#{number}", b"", file.path, records=body)
                number += 1
    except ContentError as error:
        end, fault = BAD, f"{error} (the {number} pieces before it were taken)"
    except EntityError as error:
        end, fault = BAD, error.reason
    if fault is not None:
        yield Message(f"{file.mark}#fault", b"", file.path, fault=fault)
    yield Message(file.mark + end, b"", file.path, records=b"[]", handle=file.mark + end)


def _records(content: Any, file: Found, options: ListenOptions, params: Mapping[str, Any]) -> Iterator[Any]:
    named = file.path.lower()
    for ending in _COMPRESSED:
        named = named.removesuffix(ending)
    content_type = _TYPES.get(named.rpartition(".")[2], "")
    names = {"params": dict(params), "query": {}, "headers": {}, "subject": file.path}
    take = options.records.compile()
    plain = options.records.text.strip() == "body"
    documents = options.documents(content_type, rejects=plain, held=MAX_DOCUMENT)
    bodies = (
        _streamed(content, file.path, documents) if documents else [_whole(content, file.path, content_type, options)]
    )
    for body in bodies:
        yield from record_list(take({**names, "body": body}), str(options.records))


def _streamed(content: Any, path: str, documents: DocumentReader) -> Iterator[list[Any]]:
    empty = True
    for chunk in _chunks(content, path):
        empty = empty and not chunk.strip()
        yield from filter(None, documents.feed(chunk))
    if not empty:
        yield from filter(None, documents.finish())


def _whole(content: Any, path: str, content_type: str, options: ListenOptions) -> Any:
    whole = bytearray()
    for chunk in _chunks(content, path):
        whole += chunk
        if len(whole) > MAX_DOCUMENT:
            raise ContentError(
                f"the file has over {MAX_DOCUMENT:,} bytes and is one document; "
                "json_lines, csv, and xml with xml.record, are read in pieces"
            )
    if not whole.strip():
        return []
    return options.read(bytes(whole), content_type, most=MAX_DOCUMENT, most_records=MAX_RECORDS)


def _chunks(content: Any, path: str) -> Iterator[bytes]:
    first = path.lower().endswith(".zip")
    while True:
        try:
            chunk = content.read(CHUNK)
        except (EOFError, BadGzipFile, zlib.error, LZMAError) as error:
            raise ContentError(f"the file is not the compressed one that its name says: {error}") from None
        if not chunk:
            return
        if first and not is_zip(chunk):
            raise ContentError("the file is not the compressed one that its name says: it is not a zip file")
        first = False
        yield chunk


def _cut(records: Iterable[Any]) -> Iterator[bytes | BadRecord]:
    """JSON arrays, and the bad records between them. Where they are cut depends on the records alone."""
    some: list[bytes] = []
    size = 0
    for number, record in enumerate(records, 1):
        if type(record) is BadRecord:
            if some:
                yield b"[" + b",".join(some) + b"]"
                some, size = [], 0
            yield record
            continue
        try:
            written = encode(record)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ContentError(f"record {number} cannot be written as JSON: {error}") from None
        if some and (len(some) == PIECE_RECORDS or size + len(written) > PIECE_BYTES):
            yield b"[" + b",".join(some) + b"]"
            some, size = [], 0
        some.append(written)
        size += len(written)
    if some:
        yield b"[" + b",".join(some) + b"]"
