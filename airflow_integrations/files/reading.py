"""A file's content becomes the bodies that expressions see: piece after piece, or the whole of one document."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator
from gzip import BadGzipFile
from lzma import LZMAError
from typing import TYPE_CHECKING, Any

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.document import DocumentReader
from airflow_integrations.formats.packing.tar import is_tar
from airflow_integrations.formats.packing.unpacking import is_zip
from airflow_integrations.formats.recognition.media_types import type_of_name

if TYPE_CHECKING:
    from airflow_integrations.formats.edi.acknowledging import Acknowledging

__all__ = ["MAX_DOCUMENT", "bodies"]

CHUNK = 256 * 1024
MAX_DOCUMENT = 64 * 1024 * 1024
"""Bytes of a file whose format has to be read as a whole."""
_UNPACKED = (".gz", ".bz2", ".xz", ".zst")
"""Endings of what the place where a file is has unpacked already."""
_COMPRESSED = (*_UNPACKED, ".zip", ".tgz", ".tar")


def bodies(
    content: Any,
    path: str,
    options: AnswerFormat,
    *,
    rejects: bool,
    required: Collection[str] = (),
    most_records: int | None = None,
    empty: bool = True,
    answers: Acknowledging | None = None,
) -> Iterator[Any]:
    """Lists of records, of a bounded size, of a format that is read record by record; else the one document.

    ``rejects``: a record that cannot be read becomes a BadRecord. ``required``: columns of which CSV must have one.
    ``answers`` hears of interchanges of EDIFACT and X12.
    ``empty``: a file without any content has no records; else its format decides.
    Raises ContentError where the content cannot be read (further), and what reading from ``content`` raises.
    """
    content_type = _content_type(path)
    documents = options.documents(content_type, rejects=rejects, held=MAX_DOCUMENT, required=required, answers=answers)
    if documents is not None:
        yield from _streamed(content, path, documents, empty)
    else:
        yield _whole(content, path, content_type, options, most_records, empty)


def _content_type(path: str) -> str:
    """By the ending of its name, less that of what it is packed in."""
    named = path.lower()
    for ending in _COMPRESSED:
        named = named.removesuffix(ending)
    return type_of_name(named) or ""


def _streamed(content: Any, path: str, documents: DocumentReader, empty: bool) -> Iterator[list[Any]]:
    for chunk in _chunks(content, path):
        empty = empty and not chunk.strip()
        yield from filter(None, documents.feed(chunk))
    if not empty:
        yield from filter(None, documents.finish())


def _whole(
    content: Any, path: str, content_type: str, options: AnswerFormat, most_records: int | None, empty: bool
) -> Any:
    whole = bytearray()
    for chunk in _chunks(content, path):
        whole += chunk
        if len(whole) > MAX_DOCUMENT:
            raise ContentError(
                f"the file has over {MAX_DOCUMENT:,} bytes and is one document; "
                "json_lines, csv, and xml with xml.record, are read in pieces"
            )
    if empty and not whole.strip():
        return []
    return options.read(bytes(whole), content_type, most=MAX_DOCUMENT, most_records=most_records)


def _claimed(name: str) -> tuple[str, Callable[[bytes], bool]] | None:
    """What the content must begin with, by the ending of the name."""
    if name.endswith(".zip"):
        return "zip file", is_zip
    for ending in _UNPACKED:
        name = name.removesuffix(ending)
    return ("tar archive", is_tar) if name.endswith(".tar") else None


def _chunks(content: Any, path: str) -> Iterator[bytes]:
    claimed = _claimed(path.lower())
    while True:
        try:
            chunk = content.read(CHUNK)
        except (EOFError, BadGzipFile, zlib.error, LZMAError) as error:
            raise ContentError(f"the file is not the compressed one that its name says: {error}") from None
        if not chunk:
            return
        if claimed is not None and not claimed[1](chunk):
            raise ContentError(f"the file is not the compressed one that its name says: it is not a {claimed[0]}")
        claimed = None
        yield chunk
