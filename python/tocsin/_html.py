"""HTML for notebooks. What comes from rules and events is text, whatever it contains."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def escape(text: object) -> str:
    """The text as HTML."""
    return html.escape(str(text), quote=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], note: str = "") -> str:
    """A table whose cells are HTML already; `note` is text for the line below it."""
    parts = ["<table><thead><tr>"]
    parts += [f'<th style="text-align:left">{escape(name)}</th>' for name in head]
    parts.append("</tr></thead><tbody>")
    for row in rows:
        parts.append("<tr>")
        parts += [f'<td style="text-align:left;vertical-align:top">{cell}</td>' for cell in row]
        parts.append("</tr>")
    parts.append("</tbody></table>")
    if note:
        parts.append(f"<p><small>{escape(note)}</small></p>")
    return "".join(parts)
