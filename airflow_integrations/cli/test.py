"""``test``: the routes' own tests, with the network refused."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from airflow_integrations.cli.command import FAILED, OK, UsageError
from airflow_integrations.cli.route_options import routes_folder
from airflow_integrations.cli.terminal import annotation, out
from airflow_integrations.formats.json import encode
from airflow_integrations.testing.case_file import ENDINGS, test_paths
from airflow_integrations.testing.junit import junit
from airflow_integrations.testing.runner import Outcome, Report, run_route_tests

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    root = routes_folder(args)
    files = _files(args.names, root)
    if not files:
        raise UsageError(f"there are no route tests (*.test.yaml) in {root}")
    told = _tell if args.format == "text" else None
    report = run_route_tests(root, files=files, only=args.filter or "", told=told)
    if not report.outcomes and not report.mistakes:
        raise UsageError(f"no test has {args.filter!r} in its name")
    if args.junit:
        Path(args.junit).write_text(junit(report), encoding="utf-8")
    if args.format == "json":
        out(encode(_plain(report)).decode())
    else:
        for mistake in report.mistakes:
            out(_annotated(mistake.file, mistake.line, str(mistake), root) if args.format == "github" else str(mistake))
        if args.format == "github":
            for outcome in report.outcomes:
                if not outcome.passed:
                    out(_annotated(outcome.file, outcome.line, f"{outcome.name}\n" + "\n".join(outcome.failures), root))
        out(report.summary())
    return OK if report.ok else FAILED


def _tell(outcome: Outcome) -> None:
    out(str(outcome))


def _files(names: list[str], root: Path) -> list[Path]:
    """The test files that are meant: all, or those of routes and files that were named."""
    paths = list(test_paths(root))
    if not names:
        return paths
    found: list[Path] = []
    for name in names:
        if name.endswith(ENDINGS):
            if not Path(name).is_file():
                raise UsageError(f"no such file: {name}")
            found.append(Path(name))
            continue
        wanted = {Path(name).name.removesuffix(suffix) for suffix in ("", ".route.json", ".yaml", ".yml")}
        fitting = [
            path
            for path in paths
            if path.name.removesuffix(".yaml").removesuffix(".yml").removesuffix(".test") in wanted
        ]
        if not fitting:
            raise UsageError(f"there is no test of {name!r} in {root}; a test is called <route>.test.yaml")
        found += fitting
    return list(dict.fromkeys(found))


def _annotated(file: str, line: int, message: str, root: Path) -> str:
    return annotation(
        "error", message, file=os.path.relpath(root.resolve().parent / file), line=line, title="Route test"
    )


def _plain(report: Report) -> dict[str, object]:
    return {
        "ok": report.ok,
        "tests": [
            {
                "file": outcome.file,
                "line": outcome.line,
                "route": outcome.route,
                "name": outcome.name,
                "passed": outcome.passed,
                "failures": list(outcome.failures),
                "seconds": round(outcome.seconds, 3),
            }
            for outcome in report.outcomes
        ],
        "mistakes": [
            {"file": m.file, "line": m.line, "column": m.column, "path": m.path, "message": m.message}
            for m in report.mistakes
        ],
    }
