"""A Connection as it is written in the environment, JSON or a URI, read without importing Airflow.

The rules are those of ``Connection.from_json`` and ``Connection.from_uri`` in Airflow's SDK
(https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html); a property test compares both. What
Airflow would refuse, or may read differently, is left to Airflow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

__all__ = ["UncertainError", "WrittenConnection", "read_connection"]

_TEXTS = ("conn_type", "host", "schema", "login", "password", "description")
_FIELDS = frozenset({*_TEXTS, "extra", "port"})


class UncertainError(Exception):
    """Only Airflow knows."""


@dataclass(frozen=True, slots=True)
class WrittenConnection:
    """A Connection's fields, as Airflow has them."""

    conn_id: str
    conn_type: str | None = None
    description: str | None = None
    host: str | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = None
    port: int | None = None
    extra: str | None = None

    @property
    def extra_dejson(self) -> Any:
        return json.loads(self.extra) if self.extra else {}

    def get_hook(self) -> Any:
        """The hook of the provider for this type: Airflow has it."""
        from airflow.sdk import Connection

        return Connection.get(self.conn_id).get_hook()


def read_connection(name: str, written: str) -> WrittenConnection:
    """Raises UncertainError for what is left to Airflow."""
    text = written.strip()
    try:
        found = _from_json(name, text) if text.startswith("{") else _from_uri(name, text)
        if not isinstance(found.extra_dejson, dict):  # Airflow may not find the Connection at all
            raise UncertainError
        for field in (found.conn_type, found.host, found.schema, found.login, found.password, found.extra):
            (field or "").encode()
    except ValueError:  # no JSON, no port, no UTF-8
        raise UncertainError from None
    return found


def _from_json(name: str, text: str) -> WrittenConnection:
    fields = json.loads(text)
    extra, port = fields.get("extra"), fields.get("port")
    texts = {field: fields.get(field) for field in _TEXTS}
    if not fields.keys() <= _FIELDS or not all(value is None or type(value) is str for value in texts.values()):
        raise UncertainError
    if type(port) not in (int, str, type(None)) or type(extra) not in (dict, str, type(None)):
        raise UncertainError
    if type(extra) is dict:
        extra = json.dumps(extra) if extra else None
    return _found(name, texts, int(port) if port else None, extra or None)


def _from_uri(name: str, text: str) -> WrittenConnection:
    kind = urlsplit(text).scheme
    front = f"{kind}://"
    if not kind or not text.startswith(front) or text.count(front) != 1:
        raise UncertainError
    rest = text.removeprefix(front)
    inner = ""
    if "://" in rest:  # http://https://host: the type, and behind it an address with a scheme of its own
        inner, _, rest = rest.partition("://")
        if not inner or "://" in rest or inner != urlsplit(f"{inner}://h").scheme:
            raise UncertainError
    parts = urlsplit(f"//{rest}")
    host = unquote(parts.hostname or "")
    if "/" in host:
        host = _written_host(parts)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    texts = {
        "conn_type": kind,
        "host": f"{inner}://{host}" if inner and host else host,
        "schema": unquote(parts.path[1:]),
        "login": unquote(parts.username) if parts.username else parts.username,
        "password": unquote(parts.password) if parts.password else parts.password,
    }
    extra = query.get("__extra__", json.dumps(query)) if parts.query else None
    return _found(name, texts, parts.port, extra)


def _written_host(parts: SplitResult) -> str:
    """The host with its capital letters, for one that is an address or a path, percent-encoded."""
    return unquote(parts.netloc.rpartition("@")[2].partition(":")[0])


def _found(name: str, texts: Mapping[str, str | None], port: int | None, extra: str | None) -> WrittenConnection:
    kind = texts["conn_type"] or None
    if kind is not None:
        kind = "postgres" if kind == "postgresql" else kind.replace("-", "_")
    return WrittenConnection(
        name,
        kind,
        texts.get("description"),
        texts["host"],
        texts["schema"],
        texts["login"],
        texts["password"],
        port,
        extra,
    )
