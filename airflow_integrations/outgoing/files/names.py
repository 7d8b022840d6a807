"""Names of the files that a route writes, and what of them an entity may not decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.files.options import FilesOptions
from airflow_integrations.outgoing.request_scope import RequestNames

__all__ = ["FileNames"]

LONGEST = 255
"""Bytes of one part of a path: what the file systems of Linux, macOS and Windows take."""
NUMBER = 8
"""Of a name that may get a number, such as ``-2``."""


class FileNames:
    """Of one run."""

    def __init__(self, options: FilesOptions, base: Mapping[str, Any], entity: str) -> None:
        self._template = options.path
        self._folder = options.folder
        self._depth = options.path.text.count("/")
        self._hidden = options.path.text.rpartition("/")[2].startswith(".")
        reads = frozenset(options.path.names)
        self.counted = "sequence" in reads
        """Whether names have a number that no other file of the route has."""
        self._marks = tuple(mark for mark in (options.done, options.checksum and f".{options.checksum}") if mark)
        self._room = LONGEST - max((len(mark.encode()) for mark in self._marks), default=0)
        if options.if_exists == "number":
            self._room -= NUMBER
        self._base = base
        self._names = RequestNames(base, entity, reads - {"key", "sequence"}, together=False)
        self._member = options.member
        within = frozenset() if options.member is None else frozenset(options.member.names)
        self._member_names = RequestNames(base, entity, within - {"key"}, together=False)

    def of_run(self, sequence: int) -> str:
        """Raises SetupError where it is not the path of a file."""
        try:
            path = self._template.render({**self._base, "sequence": sequence})
        except EntityError as error:
            raise SetupError(f"outgoing.files.path: {error.reason}") from None
        if (why := _fault(path)) is not None:
            raise SetupError(f"outgoing.files.path gives {path[:200]!r}, which is not the path of a file: {why}")
        return path

    def of_entity(self, outbound: Outbound, sequence: Callable[[], int]) -> str:
        """Raises EntityError where it is not the path of a file in a folder that the route names."""
        names = self._names.of([outbound])
        number = {"sequence": sequence()} if self.counted else {}
        try:
            path = self._template.render({**names, "key": outbound.key, **number})
        except EntityError as error:
            raise EntityError(error.reason, field="path") from None
        why = _fault(path)
        if why is None and path.count("/") > self._depth:
            why = "a value in it has a slash, which would put the file into another folder"
        if why is None and path.rpartition("/")[2].startswith(".") and not self._hidden:
            why = "its name is empty, or begins with a dot"
        if why is None and len(path.rpartition("/")[2].encode()) > self._room:
            why = f"its name has over {self._room} bytes, with what is added to it for done, checksum and if_exists"
        if why is None and path.endswith(self._marks):
            why = "it ends as the mark of another file does (done, checksum), which would be written over it"
        if why is not None:
            raise EntityError(f"{path[:200]!r} cannot be the path of its file: {why}", field="path")
        return path

    def in_archive(self, outbound: Outbound) -> str:
        """Raises EntityError where it is not the path of a file in a folder of the archive that the route names."""
        assert self._member is not None
        try:
            path = self._member.render({**self._member_names.of([outbound]), "key": outbound.key})
        except EntityError as error:
            raise EntityError(error.reason, field="member") from None
        why = "it begins with a slash" if path.startswith("/") else _fault(path)
        if why is None and path.count("/") > self._member.text.count("/"):
            why = "a value in it has a slash, which would put the file into another folder"
        if why is None and path.rpartition("/")[2].startswith("."):
            why = "its name is empty, or begins with a dot"
        if why is not None:
            raise EntityError(f"{path[:200]!r} cannot be the path of its file in the archive: {why}", field="member")
        return path


def _fault(path: str) -> str | None:
    """Why this is not the path of a file; None where it is one."""
    parts = path.partition("://")[2].split("/") if "://" in path else path.removeprefix("/").split("/")
    if not all(part.strip() for part in parts):
        return "a part of it is empty"
    if {".", "..", ".integrations"} & set(parts):
        return "it has a part ., .. or .integrations"
    if any(ord(character) < 32 or character in "\x7f\\" or 0xD800 <= ord(character) < 0xE000 for character in path):
        return "it has a control character, a backslash or half a character"
    if any(len(part.encode()) > LONGEST for part in parts):
        return f"a part of it has over {LONGEST} bytes"
    return None
