"""Content that is made to cost much, and everything here that reads content."""

from __future__ import annotations

import functools
import gzip
import io
import random
import zipfile
from collections.abc import Callable
from typing import Any

from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.json_records import separated
from airflow_integrations.formats.packing.unpacking import Unpacking
from airflow_integrations.formats.partial import Cutter
from airflow_integrations.http.content.content_encoding import Decoding
from airflow_integrations.http.error_text import message_in
from airflow_integrations.route.webhooks.trigger import WebhookOptions
from airflow_integrations.webhooks.body import read_content

WEBHOOK = WebhookOptions.model_validate({"path": "orders", "verify": "none"})
Read = Callable[[bytes], Any]
Make = Callable[[int], bytes]


def whole(**options: Any) -> Read:
    return functools.partial(AnswerFormat(**options).read, content_type=None, rejects=True)


def pieces(size: int, **options: Any) -> Read:
    def read(content: bytes) -> None:
        reader = AnswerFormat(**options).reader(None, rejects=True)
        for at in range(0, len(content), size):
            reader.feed(content[at : at + size])
        reader.finish()

    return read


def head(**options: Any) -> Read:
    return functools.partial(AnswerFormat(**options).head, content_type=None)


def unzip(content: bytes) -> None:
    decoding = Decoding("gzip")
    for at in range(0, len(content), 65536):
        for _ in decoding.feed(content[at : at + 65536]):
            pass
    decoding.finish()


def unpack(content: bytes) -> None:
    unpacking = Unpacking("*", most=None, held=1 << 30)
    for at in range(0, len(content), 65536):
        for _ in unpacking.feed(content[at : at + 65536]):
            pass
    for _ in unpacking.finish():
        pass


def cut(content: bytes) -> None:
    cutter = Cutter.make(("a",), [("b",)])
    assert cutter is not None
    cutter.cut(content)


def form(content: bytes) -> Any:
    return read_content(content, "application/x-www-form-urlencoded", WEBHOOK)


DIALECT = {"escape": "\\", "delimiter": "||", "comment": "#", "skip_last": 3, "header": ["a", "b"]}
RECORDS = {"format": "xml", "xml": {"record": "b"}}

READERS: dict[str, dict[str, Read]] = {
    "json": {
        "json": whole(format="json"),
        "cut": cut,
        "separated": lambda content: separated(content, ("a",)),
        "separated list": lambda content: separated(content, ()),
        "lines": pieces(50, format="json_lines"),
        "message": message_in,
    },
    "csv": {
        "csv": whole(format="csv"),
        "pieces": pieces(50, format="csv"),
        "dialect": pieces(5000, format="csv", csv=DIALECT),
        "bare": pieces(5000, format="csv", csv={"quote": None, "header": ["a", "b"]}),
        "head": head(format="csv"),
    },
    "xml": {
        "xml": whole(format="xml"),
        "records": whole(**RECORDS),
        "pieces": pieces(50, **RECORDS),
        "head": head(**RECORDS),
        "message": message_in,
    },
    "html": {"message": message_in, "json": whole(format="json")},
    "form": {"form": form},
    "packed": {"gzip": unzip, "unpacking": unpack},
}


def around(before: bytes, one: bytes, after: bytes = b"") -> Make:
    """``one`` so many times."""
    return lambda n: before + one * n + after


def counted(before: bytes, one: bytes, between: bytes, after: bytes) -> Make:
    """``one`` so many times, each with a number of its own."""
    return lambda n: before + between.join(one.replace(b"#", b"%d" % i) for i in range(n)) + after


def zipped(files: int, size: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(files):
            archive.writestr(f"f{number}", b"x" * size)
    return content.getvalue()


def nested_entities(n: int) -> bytes:
    declared = b"".join(b'<!ENTITY e%d "&e%d;&e%d;">' % (i + 1, i, i) for i in range(n))
    return b'<!DOCTYPE a [<!ENTITY e0 "x">' + declared + b']><a b="&e%d;"/>' % min(n, 30)


SHAPES: dict[str, dict[str, Make]] = {
    "json": {
        "nested lists": around(b"", b"["),
        "nested objects": around(b"", b'{"a":'),
        "nested and closed": lambda n: b"[" * n + b"]" * n,
        "closed too often": around(b"[", b"]"),
        "empty objects": around(b"[", b"{},", b"{}]"),
        "broken list": around(b'{"a":[', b"{},", b"NaN]}"),
        "constants": around(b"[", b"NaN,", b"1]"),
        "lines of constants": around(b"", b"NaN\n"),
        "keys": counted(b"{", b'"k#":1', b",", b"}"),
        "equal keys": around(b'{"a":[NaN]', b',"a":1', b"}"),
        "colons": around(b'{"a"', b":"),
        "long number": around(b"[1", b"0", b"]"),
        "long fraction": around(b"[0.", b"3", b"]"),
        "large numbers": around(b"[", b"1e9999,", b"1]"),
        "long text": around(b'["', b"x", b'"]'),
        "escapes": around(b'["', b"\\u0041", b'"]'),
        "halves of pairs": around(b'["', b"\\ud83d", b'"]'),
        "open text": around(b'["', b'\\"'),
        "backslashes": around(b'"', b"\\"),
        "quotes": around(b"", b'"'),
        "no UTF-8": around(b'["', b"\xff", b'"]'),
        "blanks": around(b"", b" ", b"x"),
    },
    "csv": {
        "columns": counted(b"", b"c#", b",", b"\n"),
        "empty columns": around(b"a,b\n", b",", b"\n"),
        "a row that does not end": around(b"a\n", b"x"),
        "bad rows": around(b"a,b\n", b'"x"y,1\n'),
        "rows behind an odd quote": around(b'a,b\n"x"y"\n', b"1,2\n"),
        "short rows": around(b"a,b\n", b"1\n"),
        "returns": around(b"a\r", b"1\r"),
        "quoted returns": around(b"", b'"a\r'),
        "line ends": around(b"", b"\n"),
        "line ends in an open quote": around(b'a\n"', b"x\n"),
        "line ends in quotes": around(b"a\n", b'"x\ny"\n'),
        "quotes": around(b"", b'"'),
        "backslashes": around(b'"', b"\\"),
        "nulls": around(b"", b"\\N||"),
        "delimiters": around(b"", b"|"),
        "quotes behind blanks": around(b"a,b\n", b' ,"'),
        "blanks before a quote": around(b"a\n", b" ", b'"\n'),
        "comments": around(b"#\n", b"#\n"),
        "blank rows": around(b"a,b\n", b" , \n"),
        "rows that are not text": around(b"a,b\n", b"\xe9,1\n"),
    },
    "xml": {
        "elements": around(b"<a>", b"<b/>", b"</a>"),
        "nested": around(b"", b"<a>"),
        "records in records": around(b"<a>", b"<b><b/></b>", b"</a>"),
        "children": counted(b"<b>", b"<c#/>", b"", b"</b>"),
        "bad records": around(b"<a>", b"<b><c/><x:c xmlns:x='u'/></b>", b"</a>"),
        "attributes": counted(b"<a ", b'a#=""', b" ", b"/>"),
        "equal attributes": around(b"<a ", b'a="" ', b"/>"),
        "namespaces": lambda n: counted(b"<a ", b'xmlns:a#="u"', b" ", b">")(n) + b"<a0:b/>" * n + b"</a>",
        "namespace of each": counted(b"<a>", b'<b xmlns="u#"/>', b"", b"</a>"),
        "long name": around(b"<", b"a", b"/>"),
        "long value": around(b'<a b="', b"x", b'"/>'),
        "long text": around(b"<a>", b"x", b"</a>"),
        "mixed": around(b"<a>", b"x<b/>", b"</a>"),
        "long comment": around(b"<a><!--", b"x", b"--></a>"),
        "comments": around(b"<a>", b"<!---->", b"</a>"),
        "open comment": around(b"<!--", b"- "),
        "comments in a comment": around(b"", b"<!--"),
        "instructions": around(b"<a>", b"<?x?>", b"</a>"),
        "CDATA": around(b"<a>", b"<![CDATA[x]]>", b"</a>"),
        "open CDATA": around(b"<a><![CDATA[", b"]]"),
        "entities": counted(b"<!DOCTYPE a [", b'<!ENTITY e# "x">', b"", b"]><a/>"),
        "nested entities": nested_entities,
        "declared elements": counted(b"<!DOCTYPE a [", b"<!ELEMENT e# ANY>", b"", b"]><a/>"),
        "declared attributes": counted(b"<!DOCTYPE a [<!ATTLIST a ", b'a# CDATA "x"', b" ", b">]><a/>"),
        "characters by number": around(b"<a>", b"&#65;", b"</a>"),
        "undeclared entities": around(b"<a>", b"&nbsp;", b"</a>"),
        "open tags": around(b"", b"<a"),
        "blanks": around(b"", b" ", b"x"),
        "types": around(b"", b"<!DOCTYPE "),
    },
    "html": {
        "comments": around(b"<html>", b"<!-- "),
        "comments before": around(b"", b"<!-- -->", b"<html>"),
        "paragraphs": around(b"<html>", b"<p>x"),
        "titles": around(b"<html>", b"<title>"),
        "warnings": around(b"Warning: ", b" in x"),
    },
    "form": {
        "fields": counted(b"", b"a#=1", b"&", b""),
        "equal fields": around(b"", b"a=1&"),
        "escapes": around(b"a=", b"%41"),
        "separators": around(b"", b"&"),
    },
    "packed": {
        "members": lambda n: gzip.compress(b"x") * n,
        "zeros": lambda n: gzip.compress(bytes(100 * n)),
        "padding": around(gzip.compress(b"x"), b"\0"),
        "no gzip": around(gzip.compress(b"x")[:10], b"\xff"),
        "stored": lambda n: gzip.compress(random.Random(1).randbytes(n), 0),
        "empty blocks": around(gzip.compress(b"")[:10], b"\0\0\0\xff\xff"),
        "files": lambda n: zipped(min(n, 5000), 1),
        "a file": lambda n: zipped(1, n),
        "entries": around(b"PK\x03\x04", b"PK\x01\x02"),
        "ends": around(b"PK\x03\x04", b"PK\x05\x06"),
    },
}
