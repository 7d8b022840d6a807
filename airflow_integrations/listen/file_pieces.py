"""A file becomes messages of bounded size: always the same ones, however often it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.files.pgp.keyring import Keyring
from airflow_integrations.files.pgp.reading import decrypted
from airflow_integrations.files.pgp.verdict import RefusedFile
from airflow_integrations.files.reading import bodies
from airflow_integrations.files.store import FileStore, Found
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.ledger.inbox.event_reader import MAX_RECORDS, record_list
from airflow_integrations.listen import Message
from airflow_integrations.listen.options import ListenOptions

__all__ = ["BAD", "END", "REFUSED", "pieces"]

END, BAD = "#end", "#bad"
"""What the id of a file's last message, its mark, ends in: all of it was read, or the rest cannot be."""
REFUSED = "#refused"
"""What the id of the only message of a file ends in that cannot be decrypted, or whose signature is not right: it may
be read another time, with other keys."""

PIECE_RECORDS = 1000
PIECE_BYTES = 1024 * 1024
"""Of records as JSON, in one message; a larger one has a message of its own."""
MAX_BAD = 1000
"""Records of one file that cannot be read: with more of them the file is another one than the route expects."""


def pieces(
    store: FileStore,
    file: Found,
    options: ListenOptions,
    params: Mapping[str, Any],
    keyring: Keyring | None = None,
    *,
    signed: bool = True,
) -> Iterator[Message]:
    """The file's records in messages; the last one, which holds none, has a ``handle``. Raises OutageError.

    ``keyring``: the keys of a file that is encrypted, and ``signed``. Raises SetupError where they are wrong.
    A record that cannot be read is a message of its own, which is of no use.
    """
    number, bad, end, fault = 0, 0, END, None
    try:
        if file.fault:
            raise ContentError(file.fault)
        with ExitStack() as stack:
            content, path = stack.enter_context(store.open(file)), file.path
            if keyring is not None:
                content, path = stack.enter_context(decrypted(keyring, content, path, signed=signed))
            for body in _cut(_records(content, file, path, options, params)):
                if isinstance(body, BadRecord):
                    bad += 1
                    if bad > MAX_BAD:
                        raise ContentError(f"over {MAX_BAD:,} records cannot be read; the next one: {body.reason}")
                    kept, end = body.content.encode("utf-8", "backslashreplace"), BAD
                    yield Message(f"{file.mark}#{number}", kept, file.path, fault=body.reason)
                else:
                    yield Message(f"{file.mark}#{number}", b"", file.path, records=body)
                number += 1
    except RefusedFile as error:
        yield Message(file.mark + REFUSED, b"", file.path, fault=str(error), handle=file.mark + REFUSED)
        return
    except ContentError as error:
        end, fault = BAD, f"{error} (the {number} pieces before it were taken)" if number else str(error)
    except EntityError as error:
        end, fault = BAD, error.reason
    if fault is not None:
        yield Message(f"{file.mark}#fault", b"", file.path, fault=fault)
    yield Message(file.mark + end, b"", file.path, records=b"[]", handle=file.mark + end)


def _records(content: Any, file: Found, path: str, options: ListenOptions, params: Mapping[str, Any]) -> Iterator[Any]:
    names = {"params": dict(params), "query": {}, "headers": {}, "subject": file.path}
    take = options.records.compile()
    plain = options.records.text.strip() == "body"
    for body in bodies(content, path, options, rejects=plain, most_records=MAX_RECORDS):
        yield from record_list(take({**names, "body": body}), str(options.records))


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
        except NOT_JSON as error:
            raise ContentError(why_not_json(error, record, f"record {number}")) from None
        if some and (len(some) == PIECE_RECORDS or size + len(written) > PIECE_BYTES):
            yield b"[" + b",".join(some) + b"]"
            some, size = [], 0
        some.append(written)
        size += len(written)
    if some:
        yield b"[" + b",".join(some) + b"]"
