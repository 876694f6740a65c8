"""Badges: a name and a state as a small picture, or as the JSON that shields.io reads."""

import json
from html import escape

from tocsin.dashboard.words import number
from tocsin.store.views_status import Standing

_COLOURS = {"up": "#1f7d49", "late": "#8f5f00", "down": "#b3101f", "new": "#62656f", "paused": "#62656f"}
_PADDING, _HEIGHT, _LONGEST = 6, 20, 60
_NARROW, _WIDE = set("fijlrtI.,:;'|!()[] -"), set("mwMWGOQ@%—")


def message(standing: Standing) -> str:
    """`up`, or for how many it is not."""
    if standing.affected and standing.of > 1:
        return f"{standing.status}, {number(standing.affected)} of {number(standing.of)}"
    return standing.status


def as_json(standing: Standing, title: str) -> bytes:
    """What shields.io calls an endpoint badge."""
    badge = {
        "schemaVersion": 1,
        "label": title or standing.name,
        "message": message(standing),
        "color": _COLOURS[standing.status],
        "isError": standing.status == "down",
        "status": standing.status,
    }
    return json.dumps(badge, ensure_ascii=False).encode()


def as_svg(standing: Standing, title: str) -> bytes:
    left, right = _clipped(title or standing.name), message(standing)
    a, b = _width(left), _width(right)
    name, said = escape(left), escape(right)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{a + b}" height="{_HEIGHT}" role="img" '
        f'aria-label="{name}: {said}"><title>{name}: {said}</title>'
        f'<clipPath id="r"><rect width="{a + b}" height="{_HEIGHT}" rx="4"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{a}" height="{_HEIGHT}" fill="#2f323a"/>'
        f'<rect x="{a}" width="{b}" height="{_HEIGHT}" fill="{_COLOURS[standing.status]}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{a / 2}" y="14" textLength="{a - 2 * _PADDING}">{name}</text>'
        f'<text x="{a + b / 2}" y="14" textLength="{b - 2 * _PADDING}">{said}</text></g></svg>'
    )
    return svg.encode()


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _width(text: str) -> int:
    """About what it takes in 11 px; the text is then fitted to it."""
    units = sum(4.2 if c in _NARROW else 9.6 if c in _WIDE or ord(c) > 0x2E80 else 6.9 for c in text)
    return round(units) + 2 * _PADDING
