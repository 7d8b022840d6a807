"""Where ledger, staging and routes are, read without importing Airflow: that takes two seconds.

What Airflow would find is found here, or nothing at all: whatever is not certain (a secrets backend, a Connection in
the metadata database, a value that is computed) is left to Airflow.
"""

from __future__ import annotations

import configparser
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from airflow_integrations.airflow.config.ledger import address
from airflow_integrations.airflow.config.written_connection import (
    UncertainError,
    WrittenConnection,
    read_connection,
)
from airflow_integrations.errors import SetupError

__all__ = [
    "Environment",
    "ledger_without_airflow",
    "routes_without_airflow",
    "staging_limit_without_airflow",
    "staging_without_airflow",
]

_SEARCH = ("secrets_backend", "backend", "backends_order")
"""Options of [secrets] and [workers] that say where Connections are looked up, or how."""
_LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
_OF_BUNDLE = frozenset({"name", "classpath", "kwargs"})
_TRUE = ("true", "t", "1")


def ledger_without_airflow(environ: Mapping[str, str] = os.environ) -> tuple[str, Path] | None:
    """The ledger's address for SQLAlchemy and the file that remembers it; None where Airflow has to be asked.

    Mistakes in the setup are left to Airflow, too: it has the words for them.
    """
    try:
        home, options = _options(environ)
        name = options.get("integrations", "ledger_connection")
        url = _url(name, options, environ) if name else f"sqlite:///{home / 'integrations' / 'ledger.db'}"
        if options.get("integrations", "ledger_auto_migrate").lower() not in ("", *_TRUE):
            return None
        if url.startswith("sqlite") and options.get("core", "executor") not in ("", "LocalExecutor"):
            return None
    except (UncertainError, SetupError, ValueError, OSError):
        return None
    return url, home / "integrations" / "ledger.json"


def staging_without_airflow(environ: Mapping[str, str] = os.environ) -> str | None:
    """The configured place of staging; None where Airflow has to be asked."""
    return _folder(environ, ("integrations", "staging"), lambda home, options: home / "integrations" / "staging")


def routes_without_airflow(environ: Mapping[str, str] = os.environ) -> str | None:
    """The configured folder of route files; None where Airflow has to be asked."""

    def beside_dags(home: Path, options: _Options) -> Path:
        bundles = options.get("dag_processor", "dag_bundle_config_list")
        if bundles and not _is_dags_folder(bundles):
            raise UncertainError
        return Path(options.get("core", "dags_folder") or home / "dags") / "routes"

    return _folder(environ, ("integrations", "routes"), beside_dags)


def _is_dags_folder(bundles: str) -> bool:
    """Whether the dags folder is the only bundle, as it stands in an ``airflow.cfg`` that Airflow has written."""
    try:
        (only,) = json.loads(bundles)
        return only["classpath"] == _LOCAL and not only.get("kwargs") and not only.keys() - _OF_BUNDLE
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def _folder(environ: Mapping[str, str], option: tuple[str, str], usual: Callable[[Path, _Options], Path]) -> str | None:
    try:
        home, options = _options(environ)
        return options.get(*option) or str(usual(home, options))
    except (UncertainError, OSError):
        return None


def staging_limit_without_airflow(environ: Mapping[str, str] = os.environ) -> str | None:
    """How much staging may hold as it is configured, empty where it is not; None where Airflow has to be asked."""
    try:
        return _options(environ)[1].get("integrations", "staging_max_bytes")
    except (UncertainError, OSError):
        return None


def _options(environ: Mapping[str, str]) -> tuple[Path, _Options]:
    """Airflow's folder and its options."""
    home = Path(_expanded(environ.get("AIRFLOW_HOME", "~/airflow")))
    return home, _Options(environ, home)


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
            raise UncertainError
        self._environ = environ
        self._file = configparser.ConfigParser(interpolation=None)
        written = environ.get("AIRFLOW_CONFIG")
        path = Path(home / "airflow.cfg" if written is None else _expanded(written))
        try:
            self._file.read_string(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if written is not None:
                raise UncertainError from None
        except (configparser.Error, UnicodeDecodeError):
            raise UncertainError from None
        if self._file.defaults():
            raise UncertainError

    def get(self, section: str, key: str) -> str:
        variable = f"AIRFLOW__{section.upper()}__{key.upper()}"
        if variable in self._environ:
            return _expanded(self._environ[variable]).strip()
        computed = {f"{variable}_CMD", f"{variable}_SECRET"} & self._environ.keys()
        if computed or any(self._file.has_option(section, f"{key}_{how}") for how in ("cmd", "secret")):
            raise UncertainError
        text = self._file.get(section, key, fallback="")
        if "%" in text:
            raise UncertainError
        return _expanded(text).strip()

    def environment_first(self) -> bool:
        """Whether Connections surely come from the environment before they come from elsewhere: a secrets backend
        is asked before it, and a team has Connections of its own."""
        if self.get("core", "multi_team").lower() in _TRUE:
            return False
        return not any(self.get(section, key) for section in ("secrets", "workers") for key in _SEARCH) and not any(
            name.startswith(("AIRFLOW__SECRETS__", "AIRFLOW__WORKERS__SECRETS_")) for name in self._environ
        )


def _url(name: str, options: _Options, environ: Mapping[str, str]) -> str:
    found = _of_environment(name, environ) if options.environment_first() else None
    if found is None:
        raise UncertainError
    return address(name, found)


def _of_environment(name: str, environ: Mapping[str, str]) -> WrittenConnection | None:
    written = environ.get(f"AIRFLOW_CONN_{name.upper()}", "").strip()
    return read_connection(name, written) if written else None


class Environment:
    """The Connections and Variables of the environment, where Airflow would take them before all others."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        try:
            self._first = _options(environ)[1].environment_first()
        except (UncertainError, OSError):
            self._first = False

    def connection(self, name: str) -> WrittenConnection | None:
        """None where Airflow has to be asked."""
        try:
            return _of_environment(name, self._environ) if self._first else None
        except UncertainError:
            return None

    def variable(self, name: str) -> str | None:
        """None where Airflow has to be asked."""
        return self._environ.get(f"AIRFLOW_VAR_{name.upper()}") if self._first else None
