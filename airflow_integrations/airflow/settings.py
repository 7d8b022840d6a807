"""The section ``[integrations]`` of Airflow's configuration."""

from __future__ import annotations

from pathlib import Path

__all__ = ["pools_enabled", "routes_folder", "staging_base"]


def _option(name: str) -> str:
    from airflow.sdk.configuration import conf

    return str(conf.get("integrations", name, fallback="") or "").strip()


def routes_folder(beside: str | Path | None = None) -> Path:
    """``routes`` where it is set, else the folder ``routes`` beside the loader file, else in the dags folder."""
    if configured := _option("routes"):
        return Path(configured).expanduser()
    if beside is None:
        from airflow.sdk.configuration import conf

        return Path(str(conf.get("core", "dags_folder"))) / "routes"
    return Path(beside).parent / "routes"


def staging_base() -> str:
    """``staging`` where it is set, else a folder in AIRFLOW_HOME."""
    if configured := _option("staging"):
        return configured
    from airflow.configuration import AIRFLOW_HOME

    return str(Path(AIRFLOW_HOME) / "integrations" / "staging")


def pools_enabled() -> bool:
    from airflow.sdk.configuration import conf

    return bool(conf.getboolean("integrations", "pools", fallback=False))
