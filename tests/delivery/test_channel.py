import pytest

from tocsin.delivery.channel import Answer, Delivered, Refused, Retry, classify, mask_url, retry_after, said
from tocsin.domain.model import SECOND

NOON = 1_767_614_400_000_000


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("Mon, 05 Jan 2026 12:01:00 GMT", 60),
        ("Mon, 05 Jan 2026 11:00:00 GMT", 0),
        ("Monday, 05-Jan-26 12:01:00 GMT", 60),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("9" * 40, None),
        ("Mon, 99 Jan 2026 12:01:00 GMT", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOON) == (None if seconds is None else int(seconds * SECOND))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    assert isinstance(classify(Answer(status, {}, ""), NOON), Delivered)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    verdict = classify(Answer(status, {"retry-after": "9"}, ""), NOON)
    assert isinstance(verdict, Retry)
    assert verdict.after == 9 * SECOND
    assert verdict.may_have_arrived == (status >= 500)


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451])
def test_what_will_not_pass_is_not(status: int) -> None:
    verdict = classify(Answer(status, {}, ""), NOON)
    assert isinstance(verdict, Refused)
    assert not verdict.breaks_channel


def test_what_was_said_fits_on_one_line() -> None:
    assert said(Answer(500, {}, "a\r\n\x1b[31mb\x00" + "c" * 9999)) == "HTTP 500: a [31mb " + "c" * 192
    assert said(Answer(204, {}, " \n")) == "HTTP 204."


def test_a_masked_url_keeps_its_host_only() -> None:
    masked = mask_url("https://hooks.slack.com/services/T000/B000/abcdefgh1234")
    assert masked == "https://hooks.slack.com/…1234"
    assert mask_url("https://x.example/short") == "https://x.example/…"
    assert mask_url("https://x.example?sig=abcdefgh1234567") == "https://x.example/…"
