"""A document of far too many records is refused by their number, before they are all built."""

from __future__ import annotations

from typing import Any

from airflow_integrations.formats import ContentError, RecordReader

__all__ = ["PARTS", "read_bounded", "refuse_crowded_json"]

PARTS = 5
"""Objects and lists that a record may have on average, itself included, in a document that is full of them."""
BYTES = 16
"""On average for each object and list: what has fewer is full of them. Built, each takes 64 to 250 bytes."""
CHUNK = 64 * 1024


def refuse_crowded_json(content: bytes, most: int) -> None:
    """Raises ContentError for JSON, or JSON lines, of far more than ``most`` records. A millisecond for 10 MB.

    What is counted are brackets, also those in texts: the records themselves are counted when they are read.
    """
    bound = max(PARTS * most, len(content) // BYTES)
    if len(content) > bound and content.count(b"{") + content.count(b"[") > bound:
        raise ContentError(
            f"the JSON has over {bound:,} objects and lists; at most {most:,} records are taken in one event: send "
            "several"
        )


def read_bounded(reader: RecordReader, content: bytes, most: int) -> list[Any]:
    """All records of a document. Raises ContentError, as soon as there are more than ``most`` of them."""
    records: list[Any] = []
    for at in range(0, len(content), CHUNK):
        records += reader.feed(content[at : at + CHUNK])
        if len(records) > most:
            break
    else:
        records += reader.finish()
    if len(records) > most:
        raise ContentError(f"the document has over {most:,} records, which is more than one event may have")
    return records
