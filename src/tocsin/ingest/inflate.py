"""Compressed bodies, inflated no further than they may be large: a bomb is cut off while it inflates."""

import zlib
from collections.abc import Callable

import brotli

from tocsin.request_body import TooLargeError

_STEP = 256 * 1024


class BadEncodingError(ValueError):
    """The body is not what its Content-Encoding says; the message is a sentence for its sender."""


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding. Raises `BadEncodingError`, and `TooLargeError` beyond `limit` bytes."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        if len(body) > limit:
            raise TooLargeError
        return body
    reader = _READERS.get(name)
    if reader is None:
        raise BadEncodingError("The Content-Encoding must be identity, gzip, deflate or br.")
    try:
        return reader(body, limit)
    except (zlib.error, brotli.error):
        raise BadEncodingError(f"The body is not {name}, as its Content-Encoding says.") from None


def _gzip(body: bytes, limit: int) -> bytes:
    return _zlib(body, limit, 16 + zlib.MAX_WBITS, "gzip")


def _deflate(body: bytes, limit: int) -> bytes:
    """Deflate in the zlib format, as HTTP means it, or raw, as many have understood it."""
    is_zlib = len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _zlib(body, limit, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS, "deflate")


def _zlib(body: bytes, limit: int, bits: int, name: str) -> bytes:
    pieces, size = [], 0
    while body:
        inflater = zlib.decompressobj(bits)
        pieces.append(inflater.decompress(body, limit - size + 1))
        size += len(pieces[-1])
        if size > limit:
            raise TooLargeError
        if not inflater.eof:
            raise BadEncodingError(f"The body is not {name}, as its Content-Encoding says: it ends too early.")
        body = inflater.unused_data if name == "gzip" else b""  # gzip may be of several members
    return b"".join(pieces)


def _brotli(body: bytes, limit: int) -> bytes:
    inflater = brotli.Decompressor()
    pieces = [inflater.process(body, output_buffer_limit=_STEP)]
    size = len(pieces[0])
    while size <= limit and not inflater.is_finished():
        piece = inflater.process(b"", output_buffer_limit=_STEP)
        if not piece:
            raise BadEncodingError("The body is not br, as its Content-Encoding says: it ends too early.")
        pieces.append(piece)
        size += len(piece)
    if size > limit:
        raise TooLargeError
    return b"".join(pieces)


_READERS: dict[str, Callable[[bytes, int], bytes]] = {"gzip": _gzip, "deflate": _deflate, "br": _brotli}
