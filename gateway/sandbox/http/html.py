"""HTML without a template engine: every text is escaped unless it is `Html` already."""

from __future__ import annotations

import base64
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

from gateway.sandbox.http.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Html", "facts", "join", "link", "page", "preformatted", "table"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0 }
tr { border-bottom: 1px solid #8884 }
pre { background: #8882; padding: 1rem; overflow: auto; white-space: pre-wrap }
:root { color-scheme: light dark }
"""
_STYLE_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def page(title: str, *parts: Html) -> Answer:
    """A whole page. It loads nothing, and its policy lets it run nothing."""
    head = f"<meta charset='utf-8'><title>{escape(title)}</title><style>{_STYLE}</style>"
    text = f"<!doctype html><html lang='en'><head>{head}</head><body>{join(parts)}</body></html>\n"
    return Answer(200, dict(_HEADERS), text.encode())


def link(target: str, label: object) -> Html:
    """A link to a path of this server."""
    return Html(f"<a href='{escape(target)}'>{_html(label)}</a>")


def facts(named: Mapping[str, object]) -> Html:
    """A table of names and values, without those that are None."""
    known = [(name, value) for name, value in named.items() if value is not None]
    return _rows([Html(f"<th>{escape(name)}</th>"), _cell(value)] for name, value in known)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Html:
    """A title and a row for each, below the columns' names; nothing if there are no rows."""
    cells = [[_cell(value) for value in row] for row in rows]
    head = [Html(f"<th>{escape(name)}</th>") for name in columns]
    return Html(f"<h2>{escape(title)}</h2>{_rows([head, *cells])}") if cells else Html()


def preformatted(text: str) -> Html:
    return Html(f"<pre>{escape(text)}</pre>")


def join(parts: Iterable[object], between: str = "") -> Html:
    return Html(escape(between).join(_html(part) for part in parts))


def _rows(rows: Iterable[list[Html]]) -> Html:
    return Html(f"<table>{''.join(f'<tr>{join(cells)}</tr>' for cells in rows)}</table>")


def _cell(value: object) -> Html:
    return Html(f"<td>{_html('' if value is None else value)}</td>")


def _html(value: object) -> str:
    return value if isinstance(value, Html) else escape(str(value))
