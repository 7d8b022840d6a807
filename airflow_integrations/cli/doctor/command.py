"""``doctor``: is everything there that routes need? Each check says what was tried."""

from __future__ import annotations

import argparse
import time

from airflow_integrations.cli.airflow_access import executor_slots
from airflow_integrations.cli.command import FAILED, OK, UsageError, awaited
from airflow_integrations.cli.doctor.connections import check_connections
from airflow_integrations.cli.doctor.cursors import check_cursors
from airflow_integrations.cli.doctor.installation import Check, consumers, surroundings_checks
from airflow_integrations.cli.doctor.secrets import check_secrets
from airflow_integrations.cli.doctor.sources import check_sources
from airflow_integrations.cli.route_options import routes_folder
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.cli.validate import all_mistakes
from airflow_integrations.cli.version import versions
from airflow_integrations.formats.json import encode
from airflow_integrations.plurals import counted
from airflow_integrations.route_files.load import RouteFiles, read_routes

__all__ = ["run"]

_REPORTED = (
    "airflow-integrations",
    "apache-airflow",
    "apache-airflow-providers-http",
    "aiohttp",
    "msgspec",
    "pydantic",
    "restrictedpython",
    "sqlalchemy",
)
_STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "not checked": "dim"}


def run(args: argparse.Namespace) -> int:
    checks, found = _routes(args)
    checks += surroundings_checks()
    if found is not None:
        checks += _consumers(found)
        checks += check_cursors(found, time.time())
        checks += check_secrets(found)
        checks += awaited(check_connections(found, offline=args.offline, now=time.time))
        if not args.offline:
            checks += awaited(check_sources(found))
    if args.report:
        _report(checks, found)
    elif args.format == "json":
        told = [{"status": check.status, "check": check.what, "result": check.detail} for check in checks]
        out(encode(told).decode())
    else:
        shown = table("", "check", "result")
        for check in checks:
            shown.add_row(check.status, check.what, check.detail, style=_STYLES[check.status])
        console().print(shown)
    return FAILED if any(check.status == "failed" for check in checks) else OK


def _routes(args: argparse.Namespace) -> tuple[list[Check], RouteFiles | None]:
    try:
        root = routes_folder(args)
    except UsageError as error:
        if args.routes:
            raise
        return [Check("failed", "routes", str(error))], None
    found, mistakes = read_routes(root), all_mistakes(root)
    routes = f"{len(found.routes)} valid in {root}"
    if not mistakes:
        return [Check("ok", "routes", routes)], found
    files = len({mistake.file for mistake in mistakes})
    return [
        Check(
            "failed",
            "routes",
            f"{routes}; {counted(len(mistakes), 'mistake')} in {counted(files, 'file')}: "
            "airflow-integrations validate shows them",
        )
    ], found


def _consumers(found: RouteFiles) -> list[Check]:
    count, slots = consumers(found), executor_slots()
    if not count:
        return []
    held = f"{count} of low latency: {count} of {slots} slots are taken for ever, {2 * count} while consumers change"
    if 2 * count >= slots:
        return [Check("warning", "consumers", f"{held}; raise [core] parallelism, or nothing else runs then")]
    return [Check("ok", "consumers", held)]


def _report(checks: list[Check], found: RouteFiles | None) -> None:
    """Markdown for a bug report: versions and results, no addresses, logins, keys or payloads."""
    out("### Versions\n")
    out("\n".join(f"- {name} {number}" for name, number in versions(_REPORTED).items()))
    if found is not None:
        kinds = sorted(
            {
                stage.kind
                for loaded in found.routes.values()
                for stage in (loaded.route.incoming, *loaded.route.transform, loaded.route.outgoing)
            }
        )
        out(f"\n### Routes\n\n- {counted(len(found.routes), 'route')}, kinds in use: {', '.join(kinds) or 'none'}")
    out("\n### Checks\n\n| | check | result |\n|---|---|---|")
    for check in checks:
        detail = (check.public if check.public is not None else check.detail).replace("|", "\\|").replace("\n", " ")
        out(f"| {check.status} | {check.what} | {detail} |")
