"""Texts that Python cannot read, or reads in another sense, and the expression that was meant."""

from __future__ import annotations

import re

from airflow_integrations.expressions.functions.catalogue import CATALOGUE
from airflow_integrations.expressions.remedies.words import FILTERS, NO_CLOCK

__all__ = ["SECRET", "bare_template", "before_reading", "filter_remedy", "syntax_remedy"]


def filter_remedy(value: str, name: str) -> str | None:
    """``order.name.upper()`` for ``order.name | upper``, where the filter is one of those that templates know."""
    if (found := FILTERS.get(name)) is not None:
        return found.format(value)
    if (known := CATALOGUE.get(name)) is None:
        return None
    needed = [each for each in known.signature.parameters.values() if each.default is each.empty]
    return f"{name}({value}{', …' if len(needed) > 1 else ''})"


_TYPOGRAPHIC = "“”„‟«»‘’‚‛′″`´"


SECRET = re.compile(r"\$?\{\{-?\s*secrets\.")
"""How GitHub's and others' workflows name a secret."""


def before_reading(text: str, holder: str) -> str | None:
    """What is wrong with a text that Python might read in another sense, or report in its own words."""
    if re.fullmatch(r"`[^`\"]*`", text):
        filled = re.sub(r"\$\{\s*([^{}]*?)\s*\}", r"{\1}", text[1:-1])
        return f'a text with values is an f-string; write f"{filled}"'
    outside = _without_texts(text)
    if any(mark in outside for mark in _TYPOGRAPHIC):
        plain = re.sub("[“”„‟«»″]", '"', re.sub("[‘’‚‛′`´]", "'", text))
        return f"a typographic quote is not a quote; write {_short(plain)}"
    if re.match(r"=(?!=)", text):
        rest = text.lstrip("= ")
        return f"an expression begins without ={syntax_remedy(rest, holder) if '$' in rest else ''}" + (
            "" if "$" in rest else f"; write {_short(rest)}"
        )
    return None


def bare_template(text: str, holder: str) -> str | None:
    """The expression for a text with ``{{ }}``, such as ``f"WEB-{order.number}"``; None where it is long."""
    if "{%" in text or "\n" in text:
        return None
    if bare := re.fullmatch(r"[=$]?\s*\{\{-?([^{}]*?)-?\}\}", text):
        if found := re.fullmatch(r"(var|env_var)\(\s*['\"](\w+)['\"].*\)", bare[1].strip()):
            return f"var.{found[2]} for an Airflow Variable, params.{found[2]} for a value of the run"
        value, pipe, used = (part.strip() for part in bare[1].partition("|"))
        value = _here(value, holder)
        if pipe and used in ("json", "tojson"):
            return f"{value}; for its JSON as text json({value})"
        return (filter_remedy(value, re.split(r"\W", used)[0]) if pipe else None) or value
    inner = re.sub(r"\{\{\s*([^{}|]*?)\s*(?:\|[^{}]*)?\}\}", lambda found: f"{{{_here(found[1], holder)}}}", text)
    return None if '"' in inner or "{{" in inner else f'f"{inner}"'


def _here(value: str, holder: str) -> str:
    """``order.number`` for ``$json.number``, ``$json["number"]`` and ``1.number``."""
    if found := re.fullmatch(r"""(?:\$\w*|\d+)(?:\.|\[["'])(\w+)(?:["']\])?""", value):
        return f"{holder}.{found[1]}"
    return value


_RECORDS = frozenset({"body", "item", "json", "message", "node", "payload", "record", "vars"})
"""What other tools call the record at hand."""
_NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_SYNTAX: tuple[tuple[str, str], ...] = (
    (r"===", "write == for ==="),
    (r"!==", "write != for !=="),
    (r"<>", "write != for <>"),
    (r"&&", "write `and` for &&"),
    (r"\|\|", "write `or` for ||"),
    (r"\?\?", "write coalesce(a, b) for a ?? b"),
    (r"\?\.", "write . for ?.: a field that is missing reads as None"),
    (r"=~|!~", 'write matches(order.number, "^text")'),
    (r"~", 'write an f-string for ~: f"{order.a}{order.b}"'),
    (r"^[^(\[]*\w->\w", "write . for ->: order.status"),
    (r"=>|->", "write a loop: [line.sku for line in order.lines if line.qty > 0]"),
    (r"!(?!=)", "write `not` for !"),
    (
        r"(?i:\b(?:select|from)\b.*\bwhere\b|\bcase\s+when\b)",
        "expressions are Python, not SQL; write `a if condition else b`",
    ),
    (r"(?i:\bis\s+not\s+null\b)", "write `is not None` for is not null"),
    (r"(?i:\bis\s+null\b)", "write `is None` for is null"),
    (r"(?i:\bis\s+(?:not\s+)?(?:defined|empty|none|blank))", "write `is not None`, or `is None`"),
    (r"(?i:\bnot\s+like\b|\blike\b|\bilike\b)", 'write ("text" in order.name), or matches(order.name, "^text")'),
    (r"(?i:\s(?:matches|regexp|rlike)\s)", 'write matches(order.number, "^text")'),
    (r"(?i:\bbetween\b)", "write 1 <= order.total <= 10 for between"),
    (r"\b(?:AND|And)\b", "write `and` for AND"),
    (r"\b(?:OR|Or)\b", "write `or` for OR"),
    (r"\b(?:NOT|Not)\b", "write `not` for NOT"),
    (r"\b(?:IN|In)\b", "write `in` for IN"),
    (r"\s(?:eq|equals)\s", "write == for eq"),
    (r"\sne\s", "write != for ne"),
    (r"\s(?:gt|lt|ge|le)\s", "write > < >= <= for gt lt ge le"),
    (r"\s(?:contains|includes)\s", 'write ("text" in order.tags) for contains'),
    (r"\s(?:startswith|starts_with|startsWith)\s", 'write order.name.startswith("text")'),
    (
        r"(?<![\w\"])\d{4}-\d{2}-\d{2}",
        'a date stands in quotes: moment(order.created) > moment("2026-01-31", tz="UTC")',
    ),
    (r"^(?:raise|throw)\b", 'write required(order.field, "what is missing"); a filter or validate refuses entities'),
    (r"\bor\s+default\b", "write coalesce(order.name, other)"),
    (r"^else$|^otherwise$|^default$", "leave it out: what has no condition is for all others"),
    (r"\.\*|\.\.", "write a loop: [x.id for x in body.orders]; a field is written body.orders"),
    (r"\bnew\s+Date\b", NO_CLOCK),
    (r"\bnew\s", "`new` is not part of expressions; functions are called by their name"),
    (r"\bthen\b|\bif\s*\(|\bend\b|^if\b", "write `a if condition else b`"),
    (r"\?(?!\?)[^:]*:", "write `a if condition else b` for condition ? a : b"),
    (r"\?", "write `a if condition else b` for condition ? a : b"),
    (r"\+\+|\+=|-=", "values are not changed; write a + 1"),
    (r"(?<![=!<>(,])\s*=\s*(?!=)", "write == to compare"),
    (
        r"^\.\w*\[\]|\|",
        "there are no pipes; write body.orders for a field, [x.id for x in body.orders] for a field of each",
    ),
    (
        r"\bdef\b|\breturn\b|\bimport\b|\bvar\b|\blet\b|\bconst\b|;\s*$",
        "one expression stands here, without statements; longer code goes into a `python` step",
    ),
    (r"^@|@\.", "write the field, such as order.number"),
)


def syntax_remedy(text: str, root: str) -> str:
    """What to write for a text that Python cannot read, or nothing. ``root`` holds the fields, such as ``order``."""
    outside = _without_texts(text)
    if (told := _tools(text, root)) is not None:
        return f"; {told}"
    if (short := _here(text, root)) != text:
        return f"; write {short}"
    if outside.startswith(("$", ".", "@", "/")) and (path := _json_path(outside, root)) is not None:
        return f"; write {path}"
    if found := re.search(rf"({_NAME})\[(?:\*|\]|:\]|\?)", outside):
        each = re.search(rf"{re.escape(found[1])}\[[^\]]*\]\.(\w+)", outside)
        base = found[1] if "." in found[1] or found[1] in ("body", "order", "item", "source") else f"{root}.{found[1]}"
        wanted = f"[x.{each[1]} for x in {base}]" if each else base
        if "?" in outside:
            wanted = f'[x for x in {base} if x.status == "paid"]'
        return f"; write {wanted}"
    if found := re.search(rf"({_NAME})\.(\d+)((?:\.\w+)*)", outside):
        return f"; write {found[1]}[{found[2]}]{found[3]}"
    if found := re.search(r"\$\{?([A-Za-z_][\w.]*)\}?|#\[\s*([A-Za-z_][\w.]*)", outside):
        steps = (found[1] or found[2]).split(".")
        inner = (
            steps[1:] if steps[0] in ("json", "payload", "body", "record", "item", "node", "message", "vars") else steps
        )
        return f"; write {'.'.join([root, *inner])}"
    for pattern, remedy in _SYNTAX:
        if re.search(pattern, outside):
            return f"; {remedy}"
    if found := re.fullmatch(rf"({_NAME}\.\w+)\s+({_NAME}\.\w+)", text):
        return f'; for a text of both write f"{{{found[1]}}} {{{found[2]}}}"'
    if found := re.fullmatch(r"(\w+(?:\.\w+)*)\.(\w+(?: \w+)+)", text):
        return f'; write {found[1]}["{found[2]}"]'
    if text.count('"') % 2 or text.count("'") % 2:
        return "; a quote is not closed: put the text between two of them"
    if outside.count("(") != outside.count(")") or outside.count("[") != outside.count("]"):
        return "; a bracket is not closed"
    return ""


_SQL_TYPES = (
    (r"(?:big|small)?int(?:eger)?", "integer({0})"),
    (r"(?:numeric|decimal|float|double|real|money|number)\b.*", "decimal({0})"),
    (r"(?:text|(?:n?var)?char|string)\b.*", "text({0})"),
    (r"date", "date({0})"),
    (r"(?:timestamp|datetime)\w*", "moment({0})"),
)


def _tools(text: str, root: str) -> str | None:
    """What n8n, Logic Apps, shells and SQL write for a field, the time, a variable or a conversion."""
    if re.match(r"\$(?:now|today)\b", text):
        return NO_CLOCK
    if found := re.fullmatch(r"\$\{?([A-Z][A-Z0-9_]*)\}?", text):
        return (
            f"route files expand no environment variables; write var.{found[1]} for an Airflow Variable; a secret "
            "belongs to the Connection"
        )
    if found := re.fullmatch(r"\$.*\bjson\.(\w[\w.]*)", text):
        return f"write {root}.{found[1]}"
    if found := re.fullmatch(r"@.*\[\s*'(\w+)'\s*\]\s*\}?", text):
        return f"write {root}.{found[1]}"
    if found := re.fullmatch(r"([\w.]+)\s+default\s+(.+)", text):
        return f"write coalesce({_named(found[1], root)}, {found[2]})"
    if found := re.fullmatch(r"([\w.]+)\s+map\s+\$\.(\w+)", text):
        return f"write [x.{found[2]} for x in {_named(found[1], root)}]"
    if (found := re.fullmatch(r"([\w.]+)\s+as\s+(\w+)", text)) and (made := _COERCED.get(found[2].lower())):
        return f"write {made}({_named(found[1], root)})"
    cast = re.fullmatch(r"(?i)cast\s*\((.+)\s+as\s+(.+)\)", text) or re.fullmatch(r"([\w.]+)::(\w[\w() ]*)", text)
    for pattern, made in _SQL_TYPES if cast else ():
        if cast is not None and re.fullmatch(pattern, cast[2].strip(), re.IGNORECASE):
            return f"write {made.format(cast[1].strip())}"
    return None


_COERCED = {"number": "decimal", "string": "text", "date": "date", "datetime": "moment"}
"""Types of DataWeave, each with the function that makes it."""


def _named(path: str, root: str) -> str:
    """``order.number`` for ``payload.number``."""
    first, _, rest = path.partition(".")
    return f"{root}.{rest}" if rest and first in _RECORDS else path


def _json_path(text: str, root: str) -> str | None:
    """``body.orders`` for the ``$.orders[*]`` of JSONPath, the ``.orders[]`` of jq and the ``/orders`` of a pointer."""
    plain = re.sub(r"\[['\"](\w+)['\"]\]", r".\1", text.replace("/", "."))
    match = re.fullmatch(r"(?:\$|@)?\.*((?:\w+)(?:\.\w+)*)?(\[(?:\*|:)?\])?(?:\.(\w+))?", plain)
    if match is None:
        return None
    first = (match[1] or "").split(".")
    if first[0] in _RECORDS:
        first = first[1:]
    base = ".".join([root, *(step for step in first if step)])
    return f"[x.{match[3]} for x in {base}]" if match[2] and match[3] else base


def _without_texts(text: str) -> str:
    """The text with what stands between quotes left out, so that nothing in it looks like an operator."""
    return re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", '""', text)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}…"
