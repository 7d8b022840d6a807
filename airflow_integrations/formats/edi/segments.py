"""One segment: its text to an object, and back.

``DTM+137:20260301:102`` is ``{"tag": "DTM", "e1": "137", "e1_2": "20260301", "e1_3": "102"}``: an element's first
component has the element's name, whether there are others or not. Of an element that is repeated, ``e3r2`` is the
second time, ``e3r2_2`` its second component.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from airflow_integrations.errors import EntityError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.edi.faults import FaultKind

__all__ = ["SegmentError", "Separators", "flat", "segment_text", "values"]

MAX_ELEMENTS, MAX_COMPONENTS, MAX_REPEATS = 500, 100, 1000
_NAME = re.compile(r"e([1-9]\d{0,2})(?:r([1-9]\d{0,2}))?(?:_([1-9]\d{0,2}))?", re.ASCII)
_TAG = re.compile(r"[A-Z][A-Z0-9]{1,2}", re.ASCII)
MAX_DEPTH = 20


class SegmentError(ContentError):
    """One segment cannot be read."""

    def __init__(self, text: str, kind: FaultKind = "unreadable") -> None:
        super().__init__(text)
        self.kind: FaultKind = kind


class Separators(NamedTuple):
    """Each one character."""

    component: str
    element: str
    terminator: str
    release: str | None
    repeat: str | None
    decimal: str = "."


@lru_cache(maxsize=64)
def _pattern(release: str, separator: str) -> re.Pattern[str]:
    return re.compile(f"{re.escape(release)}.|{re.escape(separator)}", re.DOTALL)


def _split(text: str, separator: str, release: str | None, most: int, what: str) -> list[str]:
    if text.count(separator) > 4 * most:
        raise SegmentError(f"a segment has over {most} {what}", "constituents")
    if release is None or release not in text:
        parts = text.split(separator)
    else:
        parts, start = [], 0
        for found in _pattern(release, separator).finditer(text):
            if found[0] == separator:
                parts.append(text[start : found.start()])
                start = found.end()
        parts.append(text[start:])
    if len(parts) > most + 1:
        raise SegmentError(f"a segment has over {most} {what}", "constituents")
    return parts


def _plain(text: str, release: str | None) -> str:
    if release is None or release not in text:
        return text
    return re.sub(f"{re.escape(release)}(.)", r"\1", text, flags=re.DOTALL)


def values(text: str, separators: Separators, *, composite: bool = True) -> dict[str, str]:
    """The segment as an object. Empty components are left out. ``composite``: whether elements have components, as all
    have but those of the segment that names the separators. Raises ContentError."""
    release = separators.release
    tag, *elements = _split(text, separators.element, release, MAX_ELEMENTS, "elements")
    tag = tag.partition(separators.component)[0]
    if not _TAG.fullmatch(tag):
        raise SegmentError(f"a segment begins with its tag, such as BGM; {text[:40]!r} does not")
    found = {"tag": tag}
    simple = release is None or release not in text
    component, repeat = separators.component, separators.repeat
    for number, element in enumerate(elements, 1):
        if simple and component not in element and (repeat is None or repeat not in element):
            if element:
                found[f"e{number}"] = element
            continue
        repeats = [element]
        if composite and separators.repeat is not None and separators.repeat in element:
            repeats = _split(element, separators.repeat, release, MAX_REPEATS, "repetitions")
        for time, each in enumerate(repeats, 1):
            name = f"e{number}" if time == 1 else f"e{number}r{time}"
            parts = (
                _split(each, separators.component, release, MAX_COMPONENTS, "components")
                if composite and separators.component in each
                else [each]
            )
            for place, part in enumerate(parts, 1):
                if part:
                    found[name if place == 1 else f"{name}_{place}"] = _plain(part, release)
    return found


def flat(segments: Any, field: str = "segments", depth: int = 0) -> list[Any]:
    """Segments in order out of lists in lists; null is left out. A list that begins with a text is a segment.

    Raises EntityError.
    """
    if depth > MAX_DEPTH or not isinstance(segments, list):
        raise EntityError("it is a list of segments, and of such lists", field=field)
    found: list[Any] = []
    for number, each in enumerate(segments):
        if each is None:
            continue
        if isinstance(each, dict) or (isinstance(each, list) and each and isinstance(each[0], str)):
            found.append(each)
        else:
            found += flat(each, f"{field}[{number}]", depth + 1)
    return found


def segment_text(segment: Any, separators: Separators, field: str) -> str:
    """The text of a segment, an object as :func:`values` gives it or a list: its tag, then its elements, each a value,
    a list of components, or a list of such lists where it is repeated. Raises EntityError."""
    elements = _of_object(segment, field) if isinstance(segment, dict) else _of_list(segment, field)
    tag = segment["tag"] if isinstance(segment, dict) else segment[0]
    if not isinstance(tag, str) or not _TAG.fullmatch(tag):
        raise EntityError(f"{str(tag)[:40]!r} is not the tag of a segment", field=field)
    texts = [_element(repeats, separators, field) for repeats in elements]
    while texts and not texts[-1]:
        texts.pop()
    return separators.element.join([tag, *texts])


def _of_list(segment: Sequence[Any], field: str) -> list[list[list[Any]]]:
    elements: list[list[list[Any]]] = []
    for element in segment[1:]:
        if not isinstance(element, list):
            elements.append([[element]])
        elif any(isinstance(each, list) for each in element):
            elements.append([each if isinstance(each, list) else [each] for each in element])
        else:
            elements.append([element])
    if len(elements) > MAX_ELEMENTS:
        raise EntityError(f"a segment has over {MAX_ELEMENTS} elements", field=field)
    return elements


def _of_object(segment: dict[str, Any], field: str) -> list[list[list[Any]]]:
    elements: list[list[list[Any]]] = []
    for name, value in segment.items():
        if name == "tag":
            continue
        found = _NAME.fullmatch(name)
        if found is None:
            raise EntityError(f"{name[:40]!r} is not an element: write tag, e1, e1_2, e2, …", field=field)
        number, time, place = int(found[1]), int(found[2] or 1), int(found[3] or 1)
        if number > MAX_ELEMENTS or place > MAX_COMPONENTS:
            raise EntityError(f"{name!r} is beyond what a segment has", field=field)
        while len(elements) < number:
            elements.append([])
        while len(elements[number - 1]) < time:
            elements[number - 1].append([])
        parts = elements[number - 1][time - 1]
        while len(parts) < place:
            parts.append(None)
        parts[place - 1] = value
    if "tag" not in segment:
        raise EntityError("a segment has a tag", field=field)
    return elements


def _element(repeats: list[list[Any]], separators: Separators, field: str) -> str:
    if len(repeats) > 1 and separators.repeat is None:
        raise EntityError("an element is repeated, and this version has no separator for that", field=field)
    texts = []
    for components in repeats:
        parts = [_component(each, separators, field) for each in components]
        while parts and not parts[-1]:
            parts.pop()
        texts.append(separators.component.join(parts))
    while texts and not texts[-1]:
        texts.pop()
    return (separators.repeat or "").join(texts)


def _component(value: Any, separators: Separators, field: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise EntityError(f"{str(value)[:40]!r} is neither text nor a number", field=field)
    if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) > 100):
        raise EntityError("it is a number of too many digits", field=field)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f").replace(".", separators.decimal)
    special = {separators.component, separators.element, separators.terminator, separators.repeat, separators.release}
    if any(character in value for character in "\r\n"):
        raise EntityError("a text of a segment has a line end", field=field)
    if special.isdisjoint(value):
        return value
    if separators.release is None:
        odd = next(character for character in value if character in special)
        raise EntityError(
            f"{value[:40]!r} holds {odd!r}, which separates; X12 has no way to write it: replace it in transform",
            field=field,
        )
    return "".join(separators.release + each if each in special else each for each in value)
