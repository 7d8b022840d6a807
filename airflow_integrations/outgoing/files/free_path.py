"""The name under which a file can appear: its own, or one with a number."""

from __future__ import annotations

from collections.abc import Set

from airflow_integrations.files.writing import FileWriter

__all__ = ["free_path"]


def free_path(path: str, rule: str, writer: FileWriter, *, own: Set[str], further: Set[str], each: bool) -> str | None:
    """The name of a file that is to have ``path``; None where it is taken and must not be.

    ``own``: names of the run's files; ``further``: of those that are about to be written with this one, both as
    :meth:`FileWriter.same` has them. ``each``: it is the file of one entity. Raises OutageError.
    """
    if each and rule == "replace" and writer.is_folder(path):
        return None
    known = writer.same(path)
    ours = known in further or (known in own and not (each and rule == "fail"))
    if (rule == "replace" and (each or not ours)) or (not ours and writer.size(path) is None):
        return path
    if rule == "fail" and not ours:
        return None
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.partition(".")
    number = 2
    while True:
        numbered = f"{folder}{slash}{stem}-{number}{dot}{ending}"
        known = writer.same(numbered)
        if known not in further and known not in own and writer.size(numbered) is None:
            return numbered
        number += 1
