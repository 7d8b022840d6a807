"""Mistakes in ``incoming.files`` that show without the files."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_integrations.files.pgp.options import PGP_ENDINGS, without_pgp_ending
from airflow_integrations.formats.parquet.installed import REMEDY, is_installed
from airflow_integrations.formats.recognition.media_types import OF_FORMAT, PARQUET, type_of_name
from airflow_integrations.incoming.files.options import FilesIncomingConfig
from airflow_integrations.route.definition import Route

__all__ = ["mistakes"]

Loc = tuple[int | str, ...]

_UNREADABLE = {
    **dict.fromkeys(("avro", "orc", "feather", "arrow"), "let the source write Parquet, CSV or JSON lines"),
    **dict.fromkeys(("xls", "xlsb", "ods", "numbers"), "save it as .xlsx"),
    **dict.fromkeys(("pdf", "doc", "docx", "html", "htm"), "it holds no records; ask for CSV, .xlsx or JSON"),
    **dict.fromkeys(("7z", "rar"), "let the source pack with .gz, .bz2, .xz, .zst, .zip or .tar"),
}
"""Endings of files that would be taken for JSON, each with the way out."""

_SAYS_NOTHING = {
    **dict.fromkeys(("txt", "dat", "data", "out", "asc"), "format: csv, fixed_width or json_lines"),
    **dict.fromkeys(("tsv", "tab"), 'format: csv, with csv: {delimiter: "\\t"}'),
    **dict.fromkeys(("edi", "edifact"), "format: edifact or x12"),
    "x12": "format: x12",
    "zip": "format: csv",
}
_OF_FORMATS = ("csv", "excel", "fixed_width", "edifact", "x12", "xml", "parquet")
"""Options that are about one format each."""


def _other_format(named: str, path: str) -> str | None:
    """The format that the files are read in, where that is sure."""
    if named != "auto":
        return named
    for packed in (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar"):
        path = path.removesuffix(packed)
    found = type_of_name(path)
    return next((name for name, media_type in OF_FORMAT.items() if media_type == found), None)


def _chosen(option: str) -> str:
    return f"write format: {option}, or take {option} out"


def mistakes(config: FilesIncomingConfig, route: Route) -> Iterator[tuple[Loc, str]]:
    """Places below the configuration, with what is wrong there."""
    if "\\" in config.path and "://" not in config.path:
        yield (
            ("path",),
            "it is a pattern of shells, with / between folders: * for any text, ? for a character, [0-9] for one digit",
        )
    if config.connection is None and "://" not in config.path and not config.path.startswith("/"):
        yield ("path",), "write it from the root, such as /data/in/*.csv: a task may run in any folder"
    path = config.path.lower() if config.pgp is None else without_pgp_ending(config.path.lower())
    if config.pgp is None and path.endswith(PGP_ENDINGS):
        yield ("pgp",), "the ending of path is that of encrypted files; write pgp: {connection: …}, which has the keys"
    if config.format == "auto" and type_of_name(path) == PARQUET and not is_installed():
        yield ("path",), REMEDY
    ending = path.rpartition(".")[2]
    inner = type_of_name(path.removesuffix(f".{ending}"))
    if config.format == "auto" and ending in ("tar", "tgz") and inner is None:
        yield ("path",), f"the ending .{ending} does not say what the files in it are; name it, such as format: csv"
    if config.format == "auto" and path.endswith("/"):
        yield ("path",), f"this is a folder; write which of its files: {config.path}*.csv"
    elif config.format == "auto" and ending in _SAYS_NOTHING and inner is None:
        yield (
            ("path",),
            f"the ending .{ending} does not say how the files are written; name it, such as {_SAYS_NOTHING[ending]}",
        )
    for option in _OF_FORMATS:
        if option in config.model_fields_set and (other := _other_format(config.format, path)) not in (None, option):
            yield (option,), f"the files are read as {other}, and {option} is about another format; {_chosen(option)}"
    if config.format == "auto" and ending in _UNREADABLE:
        yield ("path",), f"files of the format .{ending} are not read; {_UNREADABLE[ending]}"
    if route.missing != "ignore" and not config.again:
        yield ("again",), "missing: emit needs everything every time; write again: true, or leave missing at ignore"
    if route.missing != "ignore" and config.since is not None:
        yield ("since",), "missing: emit needs everything every time, and this takes the files of a window; take it out"
    if route.window.slice is not None:
        yield ("path",), "a fetch lists its files once; take slice out of window"
