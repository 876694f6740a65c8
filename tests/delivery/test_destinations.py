from ipaddress import ip_address, ip_network

import pytest

from tocsin.delivery.destinations import BadDestinationError, check_address, closed_range, parse_destination

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
CLOSED = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.1 192.0.0.8 192.0.0.170 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.1.1 192.175.48.1
198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 ::8.8.8.8 64:ff9b::a00:1 64:ff9b::8.8.8.8 64:ff9b:1::1 100::1
100:0:0:1::1 2001::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:a00:1::1 2002:808:808::1 2620:4f:8000::1 3fff::1
5f00::1 fc00::1 fd12::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 4000::1 8000::1 1::1
""".split()
OPEN = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.32.0.1 192.0.1.1 198.20.0.1 223.255.255.255".split()
OPEN += "2606:4700::1111 2a00:1450::1 2001:4860:4860::8888 2620:fe::fe".split()


@pytest.mark.parametrize("address", CLOSED)
def test_a_closed_range_is_named(address: str) -> None:
    assert closed_range(ip_address(address))
    with pytest.raises(BadDestinationError, match="TOCSIN_ALLOW_DESTINATIONS"):
        check_address(address, [], is_https=True)


@pytest.mark.parametrize("address", OPEN)
def test_a_public_address_is_open_over_https_only(address: str) -> None:
    assert closed_range(ip_address(address)) is None
    check_address(address, [], is_https=True)
    with pytest.raises(BadDestinationError, match="https://"):
        check_address(address, LOOPBACK, is_https=False)


def test_what_the_operator_allowed_is_open_in_clear_text_too() -> None:
    check_address("127.0.0.9", LOOPBACK, is_https=False)
    with pytest.raises(BadDestinationError):
        check_address("10.0.0.1", LOOPBACK, is_https=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_",
        "https://",
        "https:///path",
        "https://user@hooks.example/",
        "https://user:pass@hooks.example/",
        "https://@hooks.example/",
        "https://hooks.example:99999/",
        "https://hooks.example:0/",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nHost: x",
        "https://hooks.example/é",
        "https://[::1",
        "https://hooks.example/" + "a" * 2000,
        "http://hooks.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://a.localhost/",
    ],
)
def test_a_url_that_is_unfit_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(BadDestinationError) as caught:
        parse_destination(url, [])
    assert len(url) < 10 or url not in str(caught.value)


def test_https_to_a_name_passes_and_is_checked_on_dialling() -> None:
    assert parse_destination("https://Hooks.Example:8443/x?y=1", []).host == "hooks.example"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://localhost:9/", "https://[::1]/", "http://box.lan/"])
def test_an_allowed_network_opens_http_and_loopback(url: str) -> None:
    assert parse_destination(url, LOOPBACK).url == url
