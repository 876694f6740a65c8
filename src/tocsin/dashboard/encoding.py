"""Smaller answers: what the browser can unpack is packed for it."""

import gzip

import brotli

_WORTH_IT = 1_024
_PAGE_BROTLI, _PAGE_GZIP = 4, 5
_BEST_BROTLI, _BEST_GZIP = 11, 9


def wanted(accept: str) -> str:
    """`br`, `gzip` or nothing, by an Accept-Encoding header."""
    offered = [part.replace(" ", "").lower().partition(";") for part in accept.split(",")]
    welcome = {name for name, _, quality in offered if quality not in {"q=0", "q=0.0"}}
    return next((name for name in ("br", "gzip") if name in welcome), "")


def pack(body: bytes, encoding: str, *, best: bool = False) -> bytes:
    """`best`: for what is packed once and sent often."""
    if encoding == "br":
        packed: bytes = brotli.compress(body, quality=_BEST_BROTLI if best else _PAGE_BROTLI)
        return packed
    return gzip.compress(body, _BEST_GZIP if best else _PAGE_GZIP, mtime=0)


def is_worth_it(body: bytes) -> bool:
    return len(body) >= _WORTH_IT
