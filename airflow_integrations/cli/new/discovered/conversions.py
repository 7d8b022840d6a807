"""The expression that makes a value of the target out of one of the source, and what is to be looked at about it."""

from __future__ import annotations

import re

from airflow_integrations.discovery import DiscoveredField, Meaning

__all__ = ["converted", "key_expression", "read"]

_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_NUMBERS = ("number", "integer")


def read(entity: str, name: str) -> str:
    """The expression that reads a field, whatever it is called."""
    from keyword import iskeyword

    return f"{entity}.{name}" if _NAME.fullmatch(name) and not iskeyword(name) else f"{entity}[{name!a}]"


def key_expression(entity: str, key: tuple[str, ...]) -> str:
    """The expression of a key of one field or of several."""
    if len(key) == 1:
        return read(entity, key[0])
    return 'f"' + "/".join(f"{{{read(entity, name)}}}" for name in key) + '"'


def converted(entity: str, source: DiscoveredField, target: DiscoveredField | None) -> tuple[str, str]:
    """Expression and remark; the remark is empty where nothing is to be looked at."""
    value = read(entity, source.name)
    wanted = target.meaning if target is not None else _looks(source)
    if target is not None and wanted == "any":
        return value, ""
    text, remark = _of(value, source, wanted)
    if target is None:
        return text, remark
    if target.needed and source.nullable:
        remark = _and(remark, f"{target.name} must not be null, and the source may be: say what goes then")
    fits = target.length is None or (source.length is not None and source.length <= target.length)
    if source.meaning == "string" and not fits:
        said = f", the source has up to {source.length}" if source.length else ""
        remark = _and(remark, f"takes {target.length} characters{said}: longer ones are refused")
    return text, remark


def _looks(source: DiscoveredField) -> Meaning:
    return source.looks_like if source.meaning == "string" and source.looks_like in _NUMBERS else source.meaning


def _of(value: str, source: DiscoveredField, wanted: Meaning) -> tuple[str, str]:
    have = source.meaning
    if have == wanted or have == "any" or (have, wanted) == ("integer", "number"):
        return value, ""
    if have == "string" and wanted in _NUMBERS:
        function = "decimal" if wanted == "number" else "integer"
        looks = source.looks_like in _NUMBERS
        told = "a text that looks like a number" if looks else "text at the source: rejected unless it is a number"
        return f"{function}({value}) if {value} else None", told
    if wanted == "string" and have in ("integer", "number"):
        text = f'f"{{{value}}}"' if '"' not in value else f"f'{{{value}}}'"
        return (f"{text} if {value} is not None else None" if source.nullable else text), ""
    if have == "datetime" and wanted == "date":
        return f"{value}[:10]", "only the day of it"
    if (have, wanted) == ("number", "integer"):
        return f"integer({value}) if {value} is not None else None", "a fraction is refused"
    if wanted == "string" and have in ("object", "list"):
        return f"json({value}) if {value} is not None else None", "as JSON"
    if {have, wanted} <= {"string", "date", "time", "datetime", "bytes"}:
        return value, f"check it: {have} there, {wanted} here"
    return value, f"convert it: {have} there, {wanted} here"


def _and(remark: str, more: str) -> str:
    return f"{remark}; {more}" if remark else more
