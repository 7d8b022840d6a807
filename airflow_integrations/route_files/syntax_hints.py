"""Translate a YAML library's complaints for the person who wrote the file."""

from __future__ import annotations

import re

from yaml.error import MarkedYAMLError

from airflow_integrations.errors import Mistake

__all__ = ["explain", "needs_quotes", "open_brackets"]

_QUOTE = "quote the whole text, or write it below the key after >-"

_ENDED = frozenset(
    {"did not find expected key", "did not find expected ',' or '}'", "did not find expected ',' or ']'"}
)
"""What is said of text behind a closing quote."""

_HINTS = {
    "found unknown escape character": "an unknown \\ escape in double quotes; use single quotes to take it as it is",
    "found invalid Unicode character escape code": "a \\u escape that is not a character; write the character itself",
    "did not find expected comment or line break": "the text of a block begins on the line below its | or >",
    "did not find expected '-' indicator": "this line is not a list item; begin it with '- ', or indent it",
    "block sequence entries are not allowed in this context": "no list item can stand here; begin it on its own line",
    "found duplicate anchor": "an anchor of this name exists already",
    "did not find expected <document start>": "text behind the end of the document; one file holds one route",
    "found incompatible YAML document": "a %YAML directive of another version; leave it out",
    "did not find expected node content": "a value is missing here, or a bracket is closed that was never opened",
    "did not find expected alphabetic or numeric character": "& and * begin the name of an anchor; quote the text",
}


def explain(error: MarkedYAMLError, text: str, file: str) -> Mistake:
    """The mistake behind a syntax error, where it stands."""
    mark = error.problem_mark or error.context_mark
    problem = error.problem or "this is not YAML"
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.split("\n")
    here = lines[line] if line < len(lines) else ""
    start, opened = here[:column], error.context_mark

    if here[column : column + 1] == "\t" or "tab character" in problem:
        message = "a tab character; indent with spaces"
    elif problem == "found unexpected end of stream" and opened:
        line, column = opened.line, opened.column
        message = "the quote that opens here is never closed"
    elif problem.startswith("did not find expected ',' or") and (called := _call(here, column)) is not None:
        column, text = called
        message = needs_quotes(text)
    elif problem in _ENDED and (inner := _inner_quote(here, column)) is not None:
        message = f"the quote before {inner[0]!r} ends the text; put the other kind around the whole: {inner[1]}"
    elif problem.startswith("did not find expected ',' or") and (unquoted := _unquoted(here, column)) is not None:
        column, text = unquoted
        message = needs_quotes(text)
    elif problem.startswith("did not find expected ',' or") and opened:
        line, column = opened.line, opened.column
        message = f"the {lines[line][column : column + 1]} that opens here is not closed, or text in it needs quotes"
    elif problem.startswith("could not find expected ':'") and opened:
        line, column = opened.line, opened.column
        message = "a line without 'key: value'; indent it to go on with the text above, or add the colon"
    elif problem.startswith("mapping values are not allowed"):
        if ": " in start:
            message = f"a second ': ' in one value; {_QUOTE}"
        else:
            message = "this key does not fit the lines above it; check its indentation, and theirs"
    elif problem.startswith("did not find expected alphabetic") and (cron := _cron(here)) is not None:
        message = f"text cannot begin with *; quote it: {cron}"
    elif problem == "did not find expected key":
        message = f"text behind the end of a value; {_QUOTE}" if start.strip() else "indented unlike the keys around it"
    elif problem == "found character that cannot start any token":
        message = f"text cannot begin with {here[column : column + 1]!r}; quote it"
    else:
        message = next((hint for known, hint in _HINTS.items() if problem.startswith(known)), problem)
    return Mistake(file, line + 1, column + 1, "", message)


def _inner_quote(line: str, column: int) -> tuple[str, str] | None:
    """For ``filter: "a == "b""`` the word behind the quote that ended the text, and the text in other quotes."""
    before, behind = line[:column], line[column:].rstrip()
    quote = before.rstrip()[-1:]
    if not quote or quote not in "\"'":
        return None
    other = "'" if quote == '"' else '"'
    opened = re.search(rf"(?:^|[:\-{{\[,]\s*){re.escape(quote)}", before)
    if opened is None or other in before[opened.end() :] + behind:
        return None
    text = line[opened.end() :].rstrip(" }],").removesuffix(quote)
    if quote not in behind:  # "eu" in order.tags
        text = f"{quote}{text}"
    word = re.match(r"[^\s\"']*", behind)
    return (word[0] if word else behind)[:30], f"{other}{text}{other}"


def needs_quotes(text: str) -> str:
    """The message for a text inside of ``{…}`` that YAML has ended before its end."""
    mark = '"' if not {'"', "\\"} & {*text} else "'"
    inner = text.replace("'", "''") if mark == "'" else text
    return f"a text with , [ ] {{ or }} in it needs quotes inside of {{…}} and […]: {mark}{inner}{mark}"


def open_brackets(text: str) -> int:
    """How many ( and [ of an expression are not closed; what stands between quotes does not count."""
    outside = re.sub(r"\"[^\"]*\"|'[^']*'", "", text)
    return sum(outside.count(mark) for mark in "([") - sum(outside.count(mark) for mark in ")]")


def _unquoted(line: str, column: int) -> tuple[int, str] | None:
    """For ``{id: body.items[0].id}``, where the text ends at the [: the column where it begins, and the text."""
    if line[column : column + 1] not in ("[", "{") or line[column - 1 : column] in ("", " ", ",", "[", "{"):
        return None
    begin = max(line.rfind(mark, 0, column) + len(mark) for mark in (": ", "{", "[", ", "))
    end, depth = column, 0
    while end < len(line) and (depth or line[end] not in ",]}"):
        depth += (line[end] in "[{") - (line[end] in "]}")
        end += 1
    return None if depth else (begin, line[begin:end].strip())


def _call(line: str, column: int) -> tuple[int, str] | None:
    """For ``{Day: format(order.at, "YYYY")}``, which ends for YAML at the comma: where the whole call begins, and the
    call."""
    begin = line.rfind(": ", 0, column) + 2
    if begin == 1 or line[begin : begin + 1] in "\"'{[" or open_brackets(line[begin:column]) < 1:
        return None
    end = next((end for end in range(column, len(line) + 1) if open_brackets(line[begin:end]) == 0), None)
    return None if end is None else (begin, line[begin:end].strip())


def _cron(line: str) -> str | None:
    """``schedule: {cron: "*/5 * * * *"}`` for a line whose five fields are not quoted."""
    found = re.fullmatch(r"\s*(schedule|cron|sweep|at):\s*((?:\S+\s+){4}\S+?)\s*", line)
    if found is None:
        return None
    return f'schedule: {{cron: "{found[2]}"}}' if found[1] == "schedule" else f'{found[1]}: "{found[2]}"'
