"""Text in other ways of writing: base64, hexadecimal digits, addresses, XML, questions of OData.

Bytes are no value of expressions: what is encoded are the bytes of a text in UTF-8, and only such bytes are decoded.
"""

from __future__ import annotations

import base64 as codec
import binascii
import re
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.guards import kind_of, text_of
from airflow_integrations.expressions.evaluation.limits import bounded_text
from airflow_integrations.expressions.functions.catalogue import function
from airflow_integrations.formats.text import unwritable_in_xml

__all__ = [
    "base64",
    "base64url",
    "encoded",
    "from_base64",
    "from_hex",
    "hex_",
    "odata",
    "urldecode",
    "urlencode",
    "xml",
]


def encoded(value: Any) -> bytes:
    """A value's text in UTF-8. Raises EntityError where it has half of a surrogate pair."""
    try:
        return bounded_text(text_of(value)).encode()
    except UnicodeEncodeError:
        raise EntityError("the text has half of a surrogate pair (a character cut in two)") from None


def _decoded(content: bytes, what: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise EntityError(f"what the {what} stands for is not text in UTF-8; expressions have no other bytes") from None


def _a_text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return bounded_text(value)
    raise EntityError(f"{name}() takes a text, and this is {kind_of(value)}")


@function("Encodings", returns="text")
def base64(value: Any) -> str:
    """The text in base64, with `=` at its end (RFC 4648, section 4): `base64(f"{order.user}:{order.code}")`."""
    return codec.b64encode(encoded(value)).decode()


@function("Encodings", returns="text", is_plain=True)
def base64url(value: Any) -> str:
    """The text in the base64 of addresses and tokens: `-` and `_` for `+` and `/`, without `=` at its end (RFC 4648,
    section 5)."""
    return codec.urlsafe_b64encode(encoded(value)).decode().rstrip("=")


_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


@function("Encodings", returns="text")
def from_base64(text: str) -> str:
    """The text that base64 stands for, with `+` and `/` or `-` and `_`, with or without `=`; line breaks in it are
    passed over. An error where it is not base64, or not text in UTF-8."""
    written = "".join(_a_text("from_base64", text).split()).replace("-", "+").replace("_", "/")
    body = written.rstrip("=")
    if _NOT_BASE64.search(body) or len(body) % 4 == 1 or len(written) - len(body) > 2:
        raise EntityError("the text is not base64")
    try:
        return _decoded(codec.b64decode(body + "=" * (-len(body) % 4), validate=True), "base64")
    except binascii.Error:
        raise EntityError("the text is not base64") from None


@function("Encodings", name="hex", returns="text", is_plain=True)
def hex_(value: str) -> str:
    """The bytes of the text in UTF-8, each as two hexadecimal digits: `hex("é")` is `c3a9`. A number in hexadecimal
    digits is `f"{order.id:x}"`."""
    if not isinstance(value, str):
        raise EntityError(f'hex() takes a text, and this is {kind_of(value)}; a number is written f"{{order.id:x}}"')
    return encoded(value).hex()


@function("Encodings", returns="text")
def from_hex(text: str) -> str:
    """The text whose bytes in UTF-8 are written in hexadecimal digits."""
    try:
        content = bytes.fromhex(_a_text("from_hex", text))
    except ValueError:
        raise EntityError("the text has other characters than pairs of hexadecimal digits") from None
    return _decoded(content, "text")


@function("Encodings", returns="text", is_plain=True)
def urlencode(value: Any) -> str:
    """The value percent-encoded, for forms and addresses in a text. A path, a query and a form of a route are encoded
    without it."""
    return bounded_text(quote(encoded(value), safe=""))


@function("Encodings", returns="text")
def urldecode(text: str) -> str:
    """The text with `%` and two hexadecimal digits replaced by what they stand for, and `+` by a blank."""
    return _decoded(unquote_to_bytes(_a_text("urldecode", text).replace("+", " ")), "text")


_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;"})


@function("Encodings", returns="text")
def xml(value: Any) -> str:
    """The value for the text or an attribute of XML: `&`, `<`, `>` and quotes escaped."""
    text = text_of(value)
    if unwritable_in_xml(text) is not None:
        raise EntityError("the text has a control character, which XML cannot hold")
    return bounded_text(text.translate(_XML))


@function("Encodings", returns="text")
def odata(value: Any) -> str:
    """The value for a text between single quotes, as in OData's `$filter`: each quote doubled."""
    return bounded_text(text_of(value).replace("'", "''"))
