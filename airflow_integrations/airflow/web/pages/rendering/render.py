"""Templates to pages. Everything is escaped: payloads, keys and messages are hostile."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from airflow_integrations.airflow.web.pages.rendering.sparkline import slices, sparkline
from airflow_integrations.airflow.web.pages.rendering.status_texts import MEANINGS, TONES, cause, tone, word
from airflow_integrations.display.printable import moment, pretty, visible, visible_key
from airflow_integrations.plurals import counted

__all__ = ["STATIC", "Links", "is_fragment", "page"]

STATIC = Path(__file__).parents[2] / "static"
_TEMPLATES = Path(__file__).parents[1] / "templates"
_ACTED = re.compile(r"(^|\bby )console:(?=\S)")
_PERIODS = {1.0: "hour", 24.0: "day", 168.0: "week", 720.0: "30 days"}
_LONGEST_DURATION = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Links:
    """Addresses of our pages and of Airflow's, below whatever path Airflow itself is served from."""

    def __init__(self, request: Request) -> None:
        self.root: str = request.scope.get("root_path", "").rstrip("/")
        self.airflow = self.root.removesuffix("/integrations")

    def to(self, *parts: str, **query: Any) -> str:
        """Each of ``parts`` is one segment, whatever it holds."""
        asked = {name: value for name, value in query.items() if value not in (None, "", [], ())}
        path = f"{self.root}/{'/'.join(quote(part, safe='') for part in parts)}"
        return f"{path}?{urlencode(asked, doseq=True)}" if asked else path

    def entity(self, route: str, key: str) -> str:
        if key in (".", ".."):  # browsers take them out of a path, encoded or not
            return self.to("routes", route, "entity", key=key)
        return self.to("routes", route, "entities", key)

    def dag(self, route: str) -> str:
        return f"{self.airflow}/dags/{quote(route, safe='')}"

    def dag_run(self, route: str, run_id: str) -> str:
        return f"{self.dag(route)}/runs/{quote(run_id, safe='')}"

    def static(self, name: str) -> str:
        return f"{self.root}/static/{name}?v={_version(name)}"


@cache
def _version(name: str) -> str:
    """Another address for another content, so that browsers may keep what they have."""
    return blake2b((STATIC / name).read_bytes(), digest_size=6).hexdigest()


def is_fragment(request: Request) -> bool:
    """Whether htmx asks for a part of a page, to put it into the one that is shown."""
    return request.headers.get("HX-Request") == "true"


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page or a fragment, by the template's own ``extends``."""
    links = Links(request)
    query = dict(request.query_params)
    body = _environment().get_template(template).render(links=links, query=query, request=request, **values)
    return HTMLResponse(body, status_code=status)


@cache
def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "when": _when,
        "number": _number,
        "share": _share,
        "fate": lambda name: name in TONES,
        "duration": duration,
        "hours": lambda hours: _PERIODS.get(hours, f"{hours:g} hours"),
        "outcomes": lambda counts: {name: count for name, count in counts.items() if name in TONES},
        "people": _people,
        "key": lambda text: visible_key(str(text)),
        "many": counted,
        "entities": lambda count: counted(count, "entity"),
        "json_pretty": lambda value: pretty(bytes(value).decode()),
        "json_value": lambda value: bytes(value).decode(),
        "visible": lambda text: visible(str(text)),
        "shown": lambda text: "\n".join(map(visible, text.split("\n"))),
        "tone": tone,
        "word": word,
        "cause": cause,
        "meaning": lambda status: MEANINGS.get(status, ""),
        "slices": slices,
        "sparkline": sparkline,
        "chart": lambda value: json.dumps(value, separators=(",", ":")),
    }
    return env


def _when(at: float | str | None, absolute: bool = False) -> Markup | str:
    """A moment: console.js shows it relative, with the whole of it in the browser's zone as its tooltip."""
    if at is None or at == "":
        return "–"
    stamp = at if isinstance(at, str) else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    text = at if isinstance(at, str) else moment(at)
    attribute = Markup(" data-absolute") if absolute else Markup("")
    return Markup('<time datetime="{}"{}>{}</time>').format(stamp, attribute, text)


def _people(text: str) -> str:
    """Whoever acted by the name that they have in Airflow; the ledger notes where they did it, too."""
    return _ACTED.sub(r"\1", text)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _share(value: float | None) -> str:
    """0.0314 is 3.1 %; what is there at all is never 0 %."""
    if value is None:
        return "–"
    percent = 100 * value
    if 0 < percent < 0.1:
        return "< 0.1 %"
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.1f} %"


def duration(seconds: float | None) -> str:
    """Two units at most: ``2 h 5 min``, ``850 ms``."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for place, (size, unit) in enumerate(_LONGEST_DURATION):
        if seconds >= size:
            whole = f"{int(seconds // size)} {unit}"
            rest = seconds % size
            if place + 1 < len(_LONGEST_DURATION):
                smaller, its = _LONGEST_DURATION[place + 1]
                if rest >= smaller:
                    return f"{whole} {int(rest // smaller)} {its}"
            elif seconds < 10:
                return f"{seconds:.1f} {unit}"
            return whole
    return "0 s"
