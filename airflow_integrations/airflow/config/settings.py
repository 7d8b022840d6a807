"""The section ``[integrations]`` of Airflow's configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from airflow_integrations.errors import SetupError

__all__ = [
    "DailyTime",
    "bytes_of",
    "configured_routes",
    "daily_summary",
    "default_deferrable",
    "executor_slots",
    "foreign_executor",
    "ledger_auto_migrate",
    "ledger_connection",
    "ledger_marker",
    "pools_enabled",
    "routes_folder",
    "sqlite_ledger",
    "staging_base",
    "staging_max_bytes",
    "trace_keys",
    "webhook_access_log",
]

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_IN_PROCESS = ("LocalExecutor", "SequentialExecutor", "DebugExecutor")


@dataclass(frozen=True, slots=True)
class DailyTime:
    """Once a day, in a time zone."""

    cron: str
    timezone: str


def _option(name: str) -> str:
    from airflow.sdk.configuration import conf

    return str(conf.get("integrations", name, fallback="") or "").strip()


def default_deferrable() -> bool:
    """Airflow's ``[operators] default_deferrable``: whether tasks that wait give their slot to others."""
    from airflow.sdk.configuration import conf

    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def configured_routes() -> Path | None:
    """``routes``, where it is set."""
    return Path(configured).expanduser() if (configured := _option("routes")) else None


def routes_folder(beside: str | Path | None = None) -> Path:
    """``routes`` where it is set, else the folder ``routes`` beside the loader file, else in the dags folder."""
    if (configured := configured_routes()) is not None:
        return configured
    if beside is None:
        from airflow.sdk.configuration import conf

        return Path(str(conf.get("core", "dags_folder"))) / "routes"
    return Path(beside).parent / "routes"


def staging_base() -> str:
    """``staging`` where it is set, else a folder in AIRFLOW_HOME."""
    if configured := _option("staging"):
        return configured
    return str(_home() / "staging")


def staging_max_bytes() -> int | None:
    """``staging_max_bytes``: how much staging may hold, or None for as much as the disk. Raises SetupError."""
    return bytes_of(_option("staging_max_bytes"))


def bytes_of(text: str) -> int | None:
    """What ``staging_max_bytes`` says; None for an empty text. Raises SetupError."""
    if not text:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.lower().replace("_", ""))
    if match is None or match[2] not in _UNITS or float(match[1]) <= 0:
        raise SetupError(f"[integrations] staging_max_bytes is a size such as 20GB or 500MiB, not {text!r}")
    return int(float(match[1]) * _UNITS[match[2]])


def ledger_connection() -> str | None:
    """``ledger_connection``: the Connection of the ledger's database, or None for SQLite in AIRFLOW_HOME."""
    return _option("ledger_connection") or None


def sqlite_ledger() -> Path:
    """Where the ledger is when nothing else is configured."""
    return _home() / "ledger.db"


def ledger_marker() -> Path:
    """Where this machine remembers which ledger it has used."""
    return _home() / "ledger.json"


def last_valid_folder() -> Path:
    """Where the last valid definition of each route file is kept."""
    return _home() / "last_valid"


def daily_summary() -> DailyTime | None:
    """``daily_summary``: when it is sent, ``07:00`` in UTC or ``07:00 Europe/Madrid``. None: never. Raises
    SetupError."""
    from airflow_integrations.config.types import check_timezone

    text = _option("daily_summary")
    if not text:
        return None
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)(?:\s+(\S+))?", text)
    if match is None:
        raise SetupError(f"[integrations] daily_summary is a time such as 07:00 or 07:00 Europe/Madrid, not {text!r}")
    try:
        timezone = check_timezone(match[3] or "UTC")
    except ValueError as error:
        raise SetupError(f"[integrations] daily_summary: {error}") from None
    return DailyTime(f"{int(match[2])} {int(match[1])} * * *", timezone)


def foreign_executor() -> str | None:
    """The first configured executor that may run tasks on other machines; None where there is no such."""
    from airflow.sdk.configuration import conf

    configured = str(conf.get("core", "executor", fallback="LocalExecutor"))
    for name in re.split(r"[,;]", configured):
        # team=executor, alias:class, or a class with its module
        executor = name.rpartition("=")[2].rpartition(":")[2].strip()
        if executor and executor.rpartition(".")[2] not in _IN_PROCESS:
            return executor
    return None


def executor_slots() -> int:
    """``[core] parallelism``: tasks that one scheduler has running at the same time."""
    from airflow.sdk.configuration import conf

    return int(conf.getint("core", "parallelism"))


def pools_enabled() -> bool:
    from airflow.sdk.configuration import conf

    return bool(conf.getboolean("integrations", "pools", fallback=False))


def ledger_auto_migrate() -> bool:
    """Whether whoever opens the ledger first brings it to the schema of this version."""
    from airflow.sdk.configuration import conf

    return bool(conf.getboolean("integrations", "ledger_auto_migrate", fallback=True))


def webhook_access_log() -> bool:
    """Whether webhooks go through all layers of the API server, of which one is its access log."""
    from airflow.sdk.configuration import conf

    return bool(conf.getboolean("integrations", "webhook_access_log", fallback=False))


def trace_keys() -> bool:
    """``trace_keys``: whether spans of requests tell the path, which may hold keys of entities."""
    from airflow.sdk.configuration import conf

    return bool(conf.getboolean("integrations", "trace_keys", fallback=False))


def _home() -> Path:
    from airflow.configuration import AIRFLOW_HOME

    return Path(AIRFLOW_HOME) / "integrations"
