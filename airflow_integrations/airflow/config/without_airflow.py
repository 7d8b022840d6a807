"""Where ledger, staging and routes are, read without importing Airflow: that takes two seconds.

What Airflow would find is found here, or nothing at all: whatever is not certain (a secrets backend, a Connection in
the metadata database, a value that is computed) is left to Airflow.
"""

from __future__ import annotations

import configparser
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from airflow_integrations.airflow.config.ledger import address
from airflow_integrations.errors import SetupError

__all__ = ["ledger_without_airflow", "routes_without_airflow", "staging_without_airflow"]

_SEARCH = ("secrets_backend", "backend", "backends_order")
"""Options of [secrets] and [workers] that say where Connections are looked up, or how."""
_FIELDS = frozenset({"conn_type", "description", "extra", "host", "login", "password", "port", "schema"})


class _UncertainError(Exception):
    """Only Airflow knows."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A Connection, as Airflow has it."""

    conn_type: str
    host: str | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = None
    port: int | None = None
    extra: str | None = None

    @property
    def extra_dejson(self) -> Any:
        return json.loads(self.extra) if self.extra else {}


def ledger_without_airflow(environ: Mapping[str, str] = os.environ) -> tuple[str, Path] | None:
    """The ledger's address for SQLAlchemy and the file that remembers it; None where Airflow has to be asked.

    Mistakes in the setup are left to Airflow, too: it has the words for them.
    """
    try:
        home = Path(_expanded(environ.get("AIRFLOW_HOME", "~/airflow")))
        options = _Options(environ, home)
        name = options.get("integrations", "ledger_connection")
        url = _url(name, options, environ) if name else f"sqlite:///{home / 'integrations' / 'ledger.db'}"
        if options.get("integrations", "ledger_auto_migrate").lower() not in ("", "true", "t", "1"):
            return None
        if url.startswith("sqlite") and options.get("core", "executor") not in ("", "LocalExecutor"):
            return None
    except (_UncertainError, SetupError, ValueError, OSError):
        return None
    return url, home / "integrations" / "ledger.json"


def staging_without_airflow(environ: Mapping[str, str] = os.environ) -> str | None:
    """The configured place of staging; None where Airflow has to be asked."""
    return _folder(environ, ("integrations", "staging"), lambda home, options: home / "integrations" / "staging")


def routes_without_airflow(environ: Mapping[str, str] = os.environ) -> str | None:
    """The configured folder of route files; None where Airflow has to be asked."""

    def beside_dags(home: Path, options: _Options) -> Path:
        if options.get("dag_processor", "dag_bundle_config_list"):
            raise _UncertainError
        return Path(options.get("core", "dags_folder") or home / "dags") / "routes"

    return _folder(environ, ("integrations", "routes"), beside_dags)


def _folder(environ: Mapping[str, str], option: tuple[str, str], usual: Callable[[Path, _Options], Path]) -> str | None:
    try:
        home = Path(_expanded(environ.get("AIRFLOW_HOME", "~/airflow")))
        options = _Options(environ, home)
        return options.get(*option) or str(usual(home, options))
    except (_UncertainError, OSError):
        return None


def _expanded(text: str) -> str:
    """As Airflow expands what stands in its environment and configuration."""
    while True:
        further = os.path.expanduser(os.path.expandvars(text))  # noqa: PTH111 - a Path would change the text
        if further == text:
            return text
        text = further


class _Options:
    """Airflow's options: the environment's, else those of airflow.cfg. One without a default of its own is empty."""

    def __init__(self, environ: Mapping[str, str], home: Path) -> None:
        if "AIRFLOW__CORE__UNIT_TEST_MODE" in environ:
            raise _UncertainError
        self._environ = environ
        self._file = configparser.ConfigParser(interpolation=None)
        written = environ.get("AIRFLOW_CONFIG")
        path = Path(home / "airflow.cfg" if written is None else _expanded(written))
        try:
            self._file.read_string(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if written is not None:
                raise _UncertainError from None
        except (configparser.Error, UnicodeDecodeError):
            raise _UncertainError from None
        if self._file.defaults():
            raise _UncertainError

    def get(self, section: str, key: str) -> str:
        variable = f"AIRFLOW__{section.upper()}__{key.upper()}"
        if variable in self._environ:
            return _expanded(self._environ[variable]).strip()
        computed = {f"{variable}_CMD", f"{variable}_SECRET"} & self._environ.keys()
        if computed or any(self._file.has_option(section, f"{key}_{how}") for how in ("cmd", "secret")):
            raise _UncertainError
        text = self._file.get(section, key, fallback="")
        if "%" in text:
            raise _UncertainError
        return _expanded(text).strip()

    def searches_elsewhere(self) -> bool:
        """Whether Connections may come from elsewhere before they come from the environment."""
        return any(self.get(section, key) for section in ("secrets", "workers") for key in _SEARCH) or any(
            name.startswith(("AIRFLOW__SECRETS__", "AIRFLOW__WORKERS__SECRETS_")) for name in self._environ
        )


def _url(name: str, options: _Options, environ: Mapping[str, str]) -> str:
    written = environ.get(f"AIRFLOW_CONN_{name.upper()}", "")
    if not written or options.get("core", "multi_team") or options.searches_elsewhere():
        raise _UncertainError
    return address(name, _from_json(written) if written.lstrip().startswith("{") else _from_uri(written))


def _from_json(written: str) -> _Found:
    fields = json.loads(written)
    extra, port = fields.get("extra"), fields.get("port")
    texts = {name: fields.get(name) for name in ("conn_type", "host", "schema", "login", "password")}
    if not fields.keys() <= _FIELDS or not all(text is None or type(text) is str for text in texts.values()):
        raise _UncertainError
    if type(port) not in (int, str, type(None)) or type(extra) not in (dict, str, type(None)):
        raise _UncertainError
    return _found(
        texts, int(port) if port else None, json.dumps(extra) if type(extra) is dict and extra else extra or None
    )


def _from_uri(written: str) -> _Found:
    parts = urlsplit(written)
    netloc = parts.netloc.rpartition("@")[2]
    if written.count("://") != 1 or not written.startswith(f"{parts.scheme}://") or "%" in netloc or parts.fragment:
        raise _UncertainError
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "__extra__" in query:
        raise _UncertainError
    texts = {
        "conn_type": parts.scheme,
        "host": parts.hostname or "",
        "schema": unquote(parts.path[1:]),
        "login": unquote(parts.username) if parts.username else parts.username,
        "password": unquote(parts.password) if parts.password else parts.password,
    }
    return _found(texts, parts.port, json.dumps(query) if parts.query else None)


def _found(texts: Mapping[str, str | None], port: int | None, extra: str | None) -> _Found:
    kind = texts["conn_type"] or ""
    kind = "postgres" if kind == "postgresql" else kind.replace("-", "_")
    found = _Found(kind, texts["host"], texts["schema"], texts["login"], texts["password"], port, extra)
    found.extra_dejson  # noqa: B018 - Airflow ignores what is not JSON
    return found
