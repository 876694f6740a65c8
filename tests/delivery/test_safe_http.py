import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_network

import pytest

from tests.support.receiver import (
    LOOPBACK,
    Receiver,
    answering,
    breaking_off,
    dripping,
    flooding,
    hanging,
    receiver,
)
from tocsin.delivery.addresses import AddressInfo, LookUp
from tocsin.delivery.channel import Answer, NoAnswer, OutboundRequest
from tocsin.delivery.destinations import Network
from tocsin.delivery.safe_http import ANSWER_LIMIT, SafeHttp

SECRET = "/hook/T0P-S3CRET"


def _records(*addresses: str) -> LookUp:
    def look_up(_: str, port: int, __: int) -> list[AddressInfo]:
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses
        ]

    return look_up


def _post(
    answer: Callable[..., Awaitable[object]] | None = None,
    *,
    allowed: list[Network] = LOOPBACK,
    look_up: LookUp | None = None,
    url: Callable[[Receiver], str] = lambda one: one.url + SECRET,
    seconds: float = 5.0,
) -> tuple[Answer | NoAnswer, Receiver]:
    async def run() -> tuple[Answer | NoAnswer, Receiver]:
        client = SafeHttp(allowed, seconds=seconds, **({"look_up": look_up} if look_up else {}))
        async with receiver() as one, client as http:
            one.answer = answer  # type: ignore[assignment]
            said = await http.post(OutboundRequest(url(one), {"Content-Type": "application/json"}, b"{}"))
        return said, one

    return asyncio.run(run())


def _refused(said: Answer | NoAnswer) -> NoAnswer:
    assert isinstance(said, NoAnswer)
    assert "S3CRET" not in said.detail
    return said


def _port(one: Receiver) -> str:
    return one.url.rpartition(":")[2]


def test_it_posts_and_tells_what_was_said() -> None:
    said, one = _post(answering(202, "taken", {"Retry-After": "7"}))
    assert isinstance(said, Answer)
    assert (said.status, said.body, said.headers["retry-after"]) == (202, "taken", "7")
    assert (one.received[0].path, one.received[0].body) == (SECRET, b"{}")
    assert one.received[0].headers["accept-encoding"] == "identity"


def test_a_literal_address_is_refused_before_anything_is_dialled() -> None:
    said, one = _post(allowed=[], url=lambda one: one.url.replace("http:", "https:") + SECRET)
    assert _refused(said).reason == "destination_refused"
    assert _refused(said).is_permanent
    assert one.received == []


@pytest.mark.parametrize("bad", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"])
def test_one_bad_record_refuses_all(bad: str) -> None:
    said, one = _post(
        allowed=[], look_up=_records("8.8.8.8", bad), url=lambda one: f"https://hook.example:{_port(one)}/"
    )
    assert _refused(said).reason == "destination_refused"
    assert not _refused(said).is_permanent
    assert not _refused(said).may_have_arrived
    assert one.received == []


def test_the_address_dialled_is_checked_though_the_name_was_looked_up_before() -> None:
    """A resolver that lies to its caller would still meet the guard at the socket."""
    said, one = _post(allowed=[ip_network("10.0.0.0/8")], url=lambda one: f"http://127.1:{_port(one)}/")
    assert _refused(said).reason == "destination_refused"
    assert one.received == []


def test_a_name_in_an_allowed_network_is_reached_in_clear_text() -> None:
    said, one = _post(look_up=_records("127.0.0.1"), url=lambda one: f"http://hook.example:{_port(one)}/x")
    assert isinstance(said, Answer)
    assert one.received[0].headers["host"].startswith("hook.example")


def test_a_public_address_is_not_spoken_to_in_clear_text() -> None:
    said, _ = _post(look_up=_records("8.8.8.8"), url=lambda _: "http://hook.example/")
    assert "https://" in _refused(said).detail


def test_redirects_are_answers() -> None:
    said, one = _post(answering(302, "", {"Location": "/elsewhere"}))
    assert isinstance(said, Answer)
    assert said.status == 302
    assert len(one.received) == 1


def test_a_receiver_that_hangs_may_have_got_it() -> None:
    said, _ = _post(hanging, seconds=0.2)
    assert _refused(said).reason == "timeout"
    assert _refused(said).may_have_arrived


def test_a_receiver_that_breaks_off_may_have_got_it() -> None:
    said, _ = _post(breaking_off)
    assert _refused(said).reason == "no_answer"
    assert _refused(said).may_have_arrived


def test_a_closed_port_has_not_got_it() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        said, _ = _post(url=lambda _: f"http://127.0.0.1:{port}{SECRET}")
    assert _refused(said) == NoAnswer("connection_failed", "The receiver could not be connected to.", False)


def test_a_name_without_address_has_not_got_it() -> None:
    def look_up(*_: object) -> list[AddressInfo]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    said, _ = _post(look_up=look_up, url=lambda _: f"https://hook.example{SECRET}")
    assert _refused(said).reason == "host_not_found"
    assert not _refused(said).may_have_arrived


def test_a_plain_http_port_is_no_tls() -> None:
    said, _ = _post(url=lambda one: one.url.replace("http:", "https:") + SECRET)
    assert _refused(said).reason == "tls_failed"
    assert not _refused(said).may_have_arrived


def test_a_body_that_drips_cannot_take_back_the_status() -> None:
    said, _ = _post(dripping, seconds=0.4)
    assert isinstance(said, Answer)
    assert said.status == 200


def test_no_more_than_64_kib_are_read() -> None:
    said, _ = _post(flooding)
    assert isinstance(said, Answer)
    assert len(said.body) == ANSWER_LIMIT


def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    said, _ = _post()
    assert isinstance(said, Answer)


def test_the_answer_is_not_unpacked() -> None:
    said, _ = _post(answering(200, "not gzip at all", {"Content-Encoding": "gzip"}))
    assert isinstance(said, Answer)
    assert said.body == "not gzip at all"


def test_the_url_is_sent_byte_for_byte() -> None:
    exact = "/a%41%2fb//c?sig=%2b%2F+x%7E~&&empty=&z"
    _, one = _post(url=lambda one: one.url + exact)
    assert one.received[0].path == exact


@pytest.mark.parametrize("host", ["0x7f000001", "2130706433", "0177.0.0.1", "127.1", "[::ffff:7f00:1]"])
def test_no_spelling_of_loopback_gets_past(host: str) -> None:
    said, one = _post(allowed=[ip_network("10.0.0.0/8")], url=lambda one: f"http://{host}:{_port(one)}/")
    assert _refused(said).reason in {"destination_refused", "host_not_found"}
    assert one.received == []
