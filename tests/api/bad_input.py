"""Bad requests, each with the one answer it must get on either database: its status and a piece of its sentence."""

from typing import NamedTuple


class Bad(NamedTuple):
    name: str
    method: str
    path: str
    body: bytes | None
    status: int
    says: str
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


def _tenant(body: bytes, name: str, status: int, says: str) -> Bad:
    return Bad(name, "POST", "/api/v1/tenants", body, status, says)


def _get(name: str, path: str, status: int, says: str) -> Bad:
    return Bad(name, "GET", f"/api/v1{path}", None, status, says)


_BODIES = [
    _tenant(b"", "empty", 422, "A JSON body is required."),
    _tenant(b"externalId=acme", "not json", 400, "not valid JSON"),
    _tenant(b'{"externalId": "acme"', "cut short", 400, "not valid JSON"),
    _tenant(b'{"externalId": "acme"} {}', "two values", 400, "not valid JSON"),
    _tenant(b"\xff\xfe{}", "not utf-8", 400, "not UTF-8"),
    _tenant('{"externalId": "acme"}'.encode("utf-16"), "utf-16", 400, "NUL byte"),
    _tenant(b'{"externalId": "a\x00b"}', "raw NUL", 400, "NUL byte"),
    _tenant(b'{"externalId": "a\\u0000b"}', "escaped NUL", 422, "NUL character"),
    _tenant(b'{"externalId": "a", "x\\u0000": 1}', "NUL in an unknown name", 422, "NUL character"),
    _tenant(b'{"externalId": "\\ud800"}', "lone surrogate", 422, "surrogate"),
    _tenant(b'{"externalId": "a", "other": "\\udfff x"}', "lone surrogate in an unknown field", 422, "surrogate"),
    _tenant(b'{"externalId": "\xed\xa0\x80"}', "surrogate in utf-8", 400, "not UTF-8"),
    _tenant(b'{"externalId": NaN}', "NaN", 400, "NaN is no JSON number"),
    _tenant(b'{"externalId": "a", "x": -Infinity}', "Infinity", 400, "-Infinity is no JSON number"),
    _tenant(b'{"externalId": "a", "x": 1e999}', "infinite", 422, "64 bits"),
    _tenant(b'{"externalId": "a", "x": 9223372036854775808}', "2^63", 422, "64 bits"),
    _tenant(b'{"externalId": "a", "x": -9223372036854775809}', "-2^63-1", 422, "64 bits"),
    _tenant(b'{"externalId": "a", "x": ' + b"9" * 5000 + b"}", "5000 digits", 422, "64 bits"),
    _tenant(b'{"externalId": "a", "x": ' + b"[" * 32 + b"]" * 32 + b"}", "depth 33", 422, "32 levels"),
    _tenant(b"[" * 50_000, "bottomless", 422, "32 levels"),
    _tenant(b'{"a":' * 15_000, "bottomless objects", 422, "32 levels"),
    _tenant(b'{"externalId": "' + b"x" * 102_400 + b'"}', "over 100 KB", 413, "100 KB"),
    _tenant(b"[]", "a list", 422, "A JSON body must be an object."),
    _tenant(b'"acme"', "a string", 422, "A JSON body must be an object."),
    _tenant(b"null", "null", 422, "A JSON body"),
    _tenant(b"{}", "no fields", 422, "externalId is required."),
    _tenant(b'{"externalId": 7}', "number for text", 422, "externalId must be a string."),
    _tenant(b'{"externalId": null}', "null for text", 422, "externalId must be a string."),
    _tenant(b'{"externalId": {"a": []}}', "object for text", 422, "externalId must be a string."),
    _tenant(b'{"externalId": ""}', "empty text", 422, "externalId must be at least 1 character long."),
    _tenant(b'{"externalId": "a\\u0007"}', "control character", 422, "control characters"),
    _tenant(b'{"externalId": "a", "name": ["x"]}', "list for text", 422, "name must be a string."),
]
_ADDRESSES = [
    _get("page 0", "/tenants?page=0", 422, "page must be at least 1."),
    _get("page -1", "/jobs?page=-1", 422, "page must be at least 1."),
    _get("page 10^30", f"/incidents?page=1{'0' * 30}", 422, "page"),
    _get("page of 5000 digits", f"/incidents?page={'9' * 5000}", 422, "page"),
    _get("page x", "/tenants?page=x", 422, "page must be a whole number."),
    _get("page 1.5", "/tenants?page=1.5", 422, "page must be a whole number."),
    _get("empty page", "/tenants?page=", 422, "page must be a whole number."),
    _get("pageSize 1000", "/tenants?pageSize=1000", 422, "pageSize must be at most 100."),
    _get("page twice", "/tenants?page=1&page=2", 422, "page is given more than once."),
    _get("status twice", "/incidents?status=open&status=closed", 422, "status is given more than once."),
    _get("unknown status", "/incidents?status=x", 422, "status must be"),
    _get("chronic maybe", "/incidents?chronic=maybe", 422, "chronic must be true or false."),
    _get("NUL in a filter", "/incidents?jobKey=a%00b", 422, "NUL"),
    _get("NUL in a name", "/incidents?a%00b=1", 422, "NUL"),
    _get("endless filter", f"/incidents?jobKey={'x' * 301}", 422, "jobKey must be at most 300 characters long."),
    _get("NUL in the path", "/tenants/a%00b", 404, "not found"),
    _get("endless path", f"/jobs/{'x' * 5000}", 404, "not found"),
    _get("not utf-8 in the path", "/tenants/%ff%fe", 404, "Tenant not found."),
    _get("unknown tenant", "/tenants/nobody", 404, "Tenant not found."),
    _get("uuid of nobody", "/tenants/3fa1c2d4-0000-4000-8000-000000000000", 404, "Tenant not found."),
    _get("incident by no id", "/incidents/17", 404, "Incident not found."),
    _get("huge id", f"/incidents/{'9' * 900}", 404, "Incident not found."),
    _get("run by no id", "/runs/x", 404, "Run not found."),
    _get("moment that is none", "/jobs/x/runs?from=2026-02-30T00:00:00Z", 422, "from must be a moment that exists"),
    _get("moment out of reach", "/jobs/x/runs?to=9999-12-31T23:59:59Z", 422, "to must be a moment from 1970"),
    _get("moment with no zone", "/jobs/x/runs?from=2026-01-01T00:00:00", 422, "from must be a moment like"),
    _get("unknown address", "/nothing", 404, "There is nothing at this address."),
    _get("channel read", "/workspaces/me/channels/slack", 405, "does not know this method"),
    Bad("wrong method", "PUT", "/api/v1/tenants", b"{}", 405, "does not know this method"),
    Bad("outside the api", "GET", "/nothing", None, 404, "There is nothing at this address."),
    Bad("trailing slash", "GET", "/api/v1/tenants/", None, 404, ""),
]
_HEADERS = [
    Bad("form", "POST", "/api/v1/tenants", b"a=b", 415, "Content-Type: application/json", (("Content-Type", "x/y"),)),
    Bad("no type", "POST", "/api/v1/tenants", b"{}", 415, "Content-Type: application/json", ()),
    Bad(
        "compressed",
        "POST",
        "/api/v1/tenants",
        b"{}",
        415,
        "uncompressed",
        (("Content-Type", "application/json"), ("Content-Encoding", "gzip")),
    ),
]
CORPUS = _BODIES + _ADDRESSES + _HEADERS
