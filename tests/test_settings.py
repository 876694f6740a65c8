"""What an operator can get wrong is said at the start, in a sentence that repeats no secret."""

import pytest
from pydantic import ValidationError

from tocsin.settings import Settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp_url": "mail.example:25"},
        {"smtp_url": "smtp://bell:s3cr3t@mail.example?tls=perhaps"},
        {"mail_from": "Tocsin"},
        {"mail_from": "Tocsin <tocsin@example.com>\r\nBcc: x@y.z"},
        {"mail_from": "tocsin@ex ample.com"},
        {"pagerduty_url": "events.pagerduty.com"},
        {"opsgenie_url": "ftp://api.opsgenie.com"},
        {"allow_destinations": "everywhere"},
        {"database_url": "mysql://db"},
        {"database_url": "postgresql://anna:s3cr3t@db:port/tocsin"},
    ],
)
def test_a_wrong_setting_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(wrong)
    (error,) = caught.value.errors()
    assert error["loc"] == tuple(wrong)
    assert "s3cr3t" not in error["msg"]


@pytest.mark.parametrize("mail_from", ["tocsin@example.com", "Tocsin <tocsin@example.com>", "Zoë <z@localhost>"])
def test_who_mails_are_from(mail_from: str) -> None:
    assert Settings(mail_from=mail_from).mail_from == mail_from


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://anna:p[a:ss@db/tocsin",
        "postgresql://[::1]:5432/tocsin",
        "postgresql://[::1]/tocsin",
        "postgresql:///tocsin?host=/run/pg:x",
        "sqlite:////data/a@b:c.db",
    ],
)
def test_a_database_may_be_anywhere(url: str) -> None:
    assert Settings.model_validate({"database_url": url}).resolved_database_url == url
