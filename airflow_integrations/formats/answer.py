"""Answers decoded in the format that the route names, or that the answer says it is in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from airflow_integrations.config.model import Model
from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import BadRecord, ContentError, FormatName, RecordReader
from airflow_integrations.formats.document import DocumentReader
from airflow_integrations.formats.head import HEAD, head_of
from airflow_integrations.formats.options import CsvOptions, Encoding, XmlRead
from airflow_integrations.formats.packing.unpacking import Unpacking, is_packed
from airflow_integrations.formats.recognition.content_start import START, check_start
from airflow_integrations.formats.record_bound import refuse_crowded_json
from airflow_integrations.formats.text import TextDecoding, charset, is_marked, is_utf_8
from airflow_integrations.http import Answer

if TYPE_CHECKING:
    from airflow_integrations.formats.edi.acknowledging import Acknowledging

__all__ = ["BY_RECORD", "AnswerFormat", "decode_json", "format_of"]

MIB = 1024 * 1024
BY_RECORD = frozenset({"csv", "json_lines", "fixed_width", "edifact", "x12", "excel", "parquet"})
"""Formats that are always read record by record."""
MAX_RECORDS = 2_000_000
"""Records that are held at once."""
FEED = MIB
"""Bytes of content in memory that a reader is given at once."""

_JSON_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
_CSV = frozenset({"text/csv", "application/csv"})
_XML = frozenset({"application/xml", "text/xml"})


def format_of(content_type: str | None) -> FormatName:
    """The format that a Content-Type names; JSON where it names none that is known."""
    media = (content_type or "").partition(";")[0].strip().lower()
    if media in _JSON_LINES:
        return "json_lines"
    if media in _CSV:
        return "csv"
    if media in _XML or media.endswith("+xml"):
        return "xml"
    return "json"


class AnswerFormat(Model):
    """The format of answers; a part of other configurations."""

    format: Literal["auto", "json", "json_lines", "csv", "xml"] = "auto"
    """The format of the answers; ``auto`` goes by their Content-Type and takes JSON where that says nothing known.

    Example: ``format: csv``
    """
    encoding: Encoding | None = None
    """How text is written, in every format, such as ``cp1252``. A byte order mark counts first, then this. Left out:
    what an XML document declares, the Content-Type's charset, UTF-8.

    Example: ``encoding: cp1252``
    """
    csv: CsvOptions = Field(default_factory=CsvOptions)
    """How CSV is written.

    Example: ``csv: {delimiter: ";", encoding: cp1252}``
    """
    xml: XmlRead = Field(default_factory=XmlRead)
    """How XML becomes values.

    Example: ``xml: {record: order, list: [line]}``
    """
    zip_files: str | None = None
    """Which files of a zip file or tar archive are read, such as ``"*.csv"``: all of them, one behind the other, where
    the format is read record by record. Left out: it has to hold one file.

    Example: ``zip_files: "*.csv"``
    """
    bad_records: Literal["reject", "fail"] = "reject"
    """A row of CSV, a line of JSON lines, or a record in JSON or XML that cannot be read is rejected alone, or the
    fetch fails.

    Example: ``bad_records: fail``
    """

    def name_for(self, content_type: str | None) -> FormatName:
        """The format that content of this type is read in."""
        return format_of(content_type) if self.format == "auto" else self.format

    def by_record(self, content_type: str | None) -> bool:
        """Whether content of this type is read record by record, and not as one document."""
        name = self.name_for(content_type)
        return name in BY_RECORD or (name == "xml" and self.xml.record is not None)

    def decode(self, answer: Answer, *, place: str, required: Collection[str] = (), rejects: bool = False) -> Any:
        """The body for expressions. Raises AnswerError beginning with ``place``.

        Of no content: None, but an empty list of JSON lines, and what ``csv.empty`` says of CSV.
        """
        content_type = answer.headers.get("Content-Type")
        if not answer.content.strip():
            named = self.name_for(content_type)
            if answer.status == 204 or named in ("json", "xml"):
                return None
        try:
            return self.read(answer.content, content_type, required=required, rejects=rejects, most=answer.limit)
        except ContentError as error:
            raise AnswerError(f"{place}: {answer.redact(str(error))}") from None

    def read(
        self,
        content: bytes,
        content_type: str | None,
        *,
        required: Collection[str] = (),
        rejects: bool = False,
        most: int = 64 * MIB,
        most_records: int | None = None,
    ) -> Any:
        """The whole of some content, unpacked to at most ``most`` bytes: the list of its records, or one document.

        ``most_records``: of an event; a document of far more is refused before they are built.

        ``required``: columns that CSV must have. ``rejects``: a record that cannot be read becomes a BadRecord, unless
        the route says ``bad_records: fail``. Raises ContentError.
        """
        documents = self.documents(content_type, required=required, rejects=rejects, most=most, held=most)
        if documents is None:
            document = self.unpacked(content, most)
            if most_records is not None and self.name_for(content_type) == "json":
                refuse_crowded_json(document, most_records)
            try:
                return self.decode_document(document, content_type)
            except ContentError as error:
                if self.format != "auto" or not is_packed(content):
                    raise
                raise ContentError(f"{error}. It came as a packed file; name its format, such as format: csv") from None
        if most_records is not None and self.name_for(content_type) == "json_lines":
            refuse_crowded_json(content, most_records)
        records: list[Any] = []
        for at in range(0, len(content), FEED):
            for some in documents.feed(content[at : at + FEED] if len(content) > FEED else content):
                _extend(records, some, most_records)
        for some in documents.finish():
            _extend(records, some, most_records)
        return records

    def documents(
        self,
        content_type: str | None,
        *,
        required: Collection[str] = (),
        rejects: bool = False,
        most: int | None = None,
        held: int = 64 * MIB,
        begins: Callable[[bytes], None] | None = None,
        start: int = START,
        answers: Acknowledging | None = None,
    ) -> DocumentReader | None:
        """A reader that gives records as the content arrives; None for formats that are read as a whole.

        ``most``, ``held``: see :class:`Unpacking`. ``begins``: hears the first ``start`` bytes of each document.
        ``answers``: see :meth:`reader`.
        """
        if not self.by_record(content_type):
            return None
        name, rejects = self.name_for(content_type), rejects and self.bad_records == "reject"

        def begin(start: bytes) -> None:
            if begins is not None:
                begins(start)
            check_start(start, name, content_type)

        return DocumentReader(
            lambda: self.reader(content_type, required=required, rejects=rejects, answers=answers),
            begin,
            Unpacking(self.zip_files, most=most, held=held, zips=name != "excel" or self.zip_files is not None),
            start=start,
        )

    def is_begun(self, content_type: str | None, first: BadRecord) -> bool:
        """Whether a document of which no record can be read is of its format all the same: it has a header of CSV,
        XML around its records, or begins as a line of JSON does. Otherwise it may be anything, such as a message."""
        name = self.name_for(content_type)
        if name == "csv":
            return self.csv.header is None
        if name in ("fixed_width", "edifact", "x12", "excel", "parquet"):
            return False
        return name == "xml" or first.content.lstrip()[:1] in ("{", "[")

    def reader(
        self,
        content_type: str | None,
        *,
        required: Collection[str] = (),
        rejects: bool = False,
        answers: Acknowledging | None = None,
    ) -> RecordReader:
        """A reader for one document that is read record by record. ``answers`` hears of EDIFACT and X12."""
        name, said = self.name_for(content_type), charset(content_type)
        if name == "json_lines":
            from airflow_integrations.formats.json_lines import JsonLinesReader

            return JsonLinesReader(encoding=self.encoding or said, rejects=rejects)
        if name == "csv":
            from airflow_integrations.formats.csv import CsvReader

            return CsvReader(self.csv, charset=self.encoding or said, required=required, rejects=rejects)
        from airflow_integrations.formats.xml import XmlReader

        return XmlReader(self.xml, encoding=self.encoding, charset=said, rejects=rejects)

    def head(self, content: bytes, content_type: str | None) -> dict[str, Any]:
        """What :func:`head_of` says of content that is read record by record; of a zip file, of its first file."""
        unpacking, start = Unpacking(self.zip_files, most=None, held=len(content)), b""
        try:
            for piece in chain(unpacking.feed(content), unpacking.finish()):
                start += piece or b""
                if piece is None or len(start) >= HEAD:
                    break
        except ContentError:
            start = content
        return head_of(start[:HEAD], content_type, self)

    def unpacked(self, content: bytes, most: int) -> bytes:
        """One document's content, unpacked. Raises ContentError."""
        if content[:1] in (b"{", b"[") and len(content) <= most:
            return content  # no packed file begins so
        unpacking = Unpacking(self.zip_files, most=most, held=most)
        pieces = [*unpacking.feed(content), *unpacking.finish()]
        if None in pieces:
            raise ContentError("the archive has several files that zip_files names; one document is read from one file")
        return b"".join(piece for piece in pieces if piece is not None) if len(pieces) != 1 else pieces[0] or b""

    def decode_document(self, content: bytes, content_type: str | None) -> Any:
        """One document that is read as a whole. Raises ContentError."""
        name = self.name_for(content_type)
        check_start(content, name, content_type)
        if name == "xml":
            from airflow_integrations.formats.xml import read

            return read(content, self.xml, encoding=self.encoding, charset=charset(content_type))
        return decode_json(content, content_type, self.encoding)

    def separated(self, answer: Answer, path: tuple[str, ...]) -> tuple[Any, list[Any]] | None:
        """What :func:`json_records.separated` makes of an answer that :meth:`decode` cannot decode."""
        content_type = answer.headers.get("Content-Type")
        if self.bad_records == "fail" or self.name_for(content_type) != "json":
            return None
        from airflow_integrations.formats.json_records import separated

        try:
            content = self.unpacked(answer.content, answer.limit)
            check_start(content, "json", content_type)
            return separated(json_text(content, content_type, self.encoding), path)
        except ContentError:
            return None

    def is_json(self, answer: Answer) -> bool:
        """Whether :meth:`decode` takes the content for one JSON document in UTF-8."""
        content_type = answer.headers.get("Content-Type")
        return self.name_for(content_type) == "json" and is_utf_8(self.encoding or charset(content_type))


def _extend(records: list[Any], some: list[Any], most: int | None) -> None:
    if most is not None and len(records) + len(some) > most:
        raise ContentError(f"the document has over {most:,} records, which is more than one event may have")
    if len(records) + len(some) > MAX_RECORDS:
        raise ContentError(
            f"there are over {MAX_RECORDS:,} records in one answer, and they are held at once; ask for less at once, "
            "or name the format, so that they are read as they arrive"
        )
    records += some


def decode_json(content: bytes, content_type: str | None = None, encoding: str | None = None) -> Any:
    """One JSON document, in UTF-8 or what its mark, ``encoding`` or an old server names. Raises ContentError."""
    from airflow_integrations.formats.json import MAX_VALUES, has_too_many_values, read

    text = json_text(content, content_type, encoding)
    if has_too_many_values(text):
        raise ContentError(f"the JSON has over {MAX_VALUES:,} values; ask for less at once")
    return read(text)


def json_text(content: bytes, content_type: str | None, encoding: str | None) -> bytes:
    """JSON in UTF-8. Raises ContentError."""
    named = encoding or charset(content_type)
    if is_marked(content) or (encoding is not None and not is_utf_8(encoding)):
        return TextDecoding(named).feed(content, last=True).encode("utf-8", "surrogatepass")
    if not is_utf_8(named):
        try:
            content = content.decode(named or "utf-8").encode()
        except UnicodeError:
            raise ContentError(f"the content is not in the charset {named} that its Content-Type names") from None
    return content
