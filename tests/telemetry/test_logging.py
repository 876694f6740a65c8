"""Log lines are JSON, one a line, and hold no secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from tocsin.telemetry.logging import configure_logging

KEY = "sg_" + "0123456789abcdef" * 3
SECRETS = [
    (KEY, "89abcdef0123"),
    ("whsec_c2VjcmV0LXNlY3JldA==", "c2VjcmV0"),
    ("https://hooks.slack.com/services/T000/B000/XXXXXXXX", "T000"),
    ("https://x.logic.azure.com/workflows/1?sp=%2Frun&sig=aBcDeF123", "aBcDeF123"),
    ("Authorization: GenieKey 11-22-33", "11-22-33"),
    ("Authorization: Bearer abc.def", "abc.def"),
    ("postgresql://tocsin:hunter2@db/tocsin", "hunter2"),
    ("Proxy: BASIC dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("https://tocsin.example/claim/0123456789abcdefXYZ", "0123456789abcdef"),
    ("eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
]


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _lines(output: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_line_says_what_happened_and_why(output: io.StringIO) -> None:
    structlog.get_logger("tocsin.test").info("incident_opened", reason="2 tenants missed daily-report")
    (line,) = _lines(output)
    assert line["event"] == "incident_opened"
    assert line["reason"] == "2 tenants missed daily-report"
    assert line["level"] == "info"
    assert str(line["at"]).endswith("Z")


def test_lines_of_libraries_look_the_same(output: io.StringIO) -> None:
    logging.getLogger("somebody").warning("lost %d sheep", 3)
    (line,) = _lines(output)
    assert (line["event"], line["level"], line["logger"]) == ("lost 3 sheep", "warning", "somebody")


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_what_looks_like_a_secret_is_hidden(output: io.StringIO, text: str, secret: str) -> None:
    log = structlog.get_logger("tocsin.test")
    log.info("sent %s", text, url=text, nested={"list": [text]})
    logging.getLogger("library").error("failed with %s", text)
    log.error("broken", exc_info=ValueError(text))
    assert secret not in output.getvalue()
    assert len(_lines(output)) == 3


@pytest.mark.parametrize(
    "name", ["password", "api_key", "apiKey", "authorization", "config", "webhook_url", "refreshToken"]
)
def test_what_goes_under_a_secret_name_is_hidden(output: io.StringIO, name: str) -> None:
    structlog.get_logger("tocsin.test").info("changed", **{name: "plain words"}, body={name: "plain words"})
    assert "plain words" not in output.getvalue()


def test_a_line_break_in_a_value_makes_no_second_line(output: io.StringIO) -> None:
    structlog.get_logger("tocsin.test").info("ping", message='x\r\n{"event": "forged"}\x1b[31m')
    assert len(_lines(output)) == 1
    assert "\x1b" not in output.getvalue()
