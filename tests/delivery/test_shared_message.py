"""A message that several incidents share, on every channel that people read."""

import json

import pytest

from tests.delivery.test_channel_contract import tell, tell_by_mail
from tests.support.alerting import NOON, content
from tests.support.stations import STATIONS
from tocsin.delivery.channel import Delivered
from tocsin.delivery.channels import PROVIDERS
from tocsin.delivery.message import Message, compose

SHOWN = ("40 more incidents opened", "Customer 0", "and 20 more", "https://tocsin.example/incidents")
READ = [name for name, one in PROVIDERS.items() if one.is_read_by_people]


def _shared() -> Message:
    parts = [content("opened", f"Customer {number}") for number in range(30)]
    told = {"kind": "opened", "at": "2026-01-05T12:00:00Z", "incidents": parts, "incidentCount": 40}
    return compose("delivery-1", {**told, "url": "https://tocsin.example/incidents"}, NOON, NOON)


@pytest.mark.parametrize("provider", sorted(set(READ) & set(STATIONS)))
def test_it_is_well_formed_and_tells_of_all(provider: str) -> None:
    told = tell(provider, message=_shared())
    assert isinstance(told.verdict, Delivered), told.verdict
    (received,) = told.receiver.received
    STATIONS[provider].inspect(received)
    text = json.dumps(json.loads(received.body), ensure_ascii=False)
    assert [words for words in SHOWN if words not in text] == []


def test_it_can_be_mailed() -> None:
    verdict, box = tell_by_mail(message=_shared())
    assert isinstance(verdict, Delivered), verdict
    mail = box.parsed()
    body = mail.get_body(("plain",))
    assert body is not None
    text = f"{mail['Subject']}\n{body.get_content()}"
    assert [words for words in SHOWN if words not in text] == []
