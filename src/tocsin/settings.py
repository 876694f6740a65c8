"""Every setting of Tocsin, with its meaning. Each is an environment variable `TOCSIN_<NAME>`."""

import re
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tocsin.domain.retention import LEAST_RUN_DAYS, MOST_DAYS, Retention
from tocsin.smtp_server import parse_smtp_url

Role = Literal["all", "api", "worker"]
Registration = Literal["auto", "open", "closed"]


def _long_enough(days: int) -> int:
    if 0 < days < LEAST_RUN_DAYS:
        raise ValueError(f"must be at least {LEAST_RUN_DAYS}, as check-ins may tell of the last seven days; or 0")
    return days


Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]
RunDays = Annotated[Days, AfterValidator(_long_enough)]


class Settings(BaseSettings):
    """What an operator can choose; see docs/operations.md."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_", extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data_dir: Path = Field(Path("data"), description="Folder for the SQLite database and the secret key file.")
    database_url: str = Field(
        "", description="`postgresql://user:pass@host/db`; empty means SQLite in the data folder."
    )
    role: Role = Field(
        "all", description="What this node does: `api` answers, `worker` judges and delivers, `all` both."
    )
    base_url: str = Field("", description="What links and ping URLs begin with; empty means http://HOST:PORT.")
    secret_key_file: Path | None = Field(
        None, description="File of the key that signs tokens and encrypts secrets; empty means one in the data folder."
    )
    allow_destinations: str = Field(
        "", description="Networks (CIDR, comma-separated) that alerts may be sent to although they are private."
    )
    pagerduty_url: str = Field(
        "", description="Base URL of PagerDuty's Events API; empty means PagerDuty's own, by region."
    )
    opsgenie_url: str = Field(
        "", description="Base URL of OpsGenie's Alert API; empty means OpsGenie's own, by region."
    )
    smtp_url: SecretStr = Field(
        SecretStr(""), description="Mail server: `smtp://user:pass@host:port` or `smtps://…`; empty means no mail."
    )
    mail_from: str = Field("Tocsin <tocsin@localhost>", description="Who mails are from: `Name <address>`.")
    registration: Registration = Field(
        "auto", description="Who may register: `auto` the first user only, `open` anybody, `closed` nobody."
    )
    ingest_rate: int = Field(
        6_000,
        ge=0,
        le=10_000_000,
        description="Check-ins and events a minute by one API key; 0: any number.",
    )
    api_rate: int = Field(
        600, ge=0, le=10_000_000, description="Other requests a minute by one key or user; 0: any number."
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses of proxies (comma-separated) whose X-Forwarded-For tells where a request comes from.",
    )
    insecure_http: bool = Field(
        False, description="Let people sign in over plain HTTP from other machines, on a network that is trusted."
    )
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Bearer token that opens /metrics from elsewhere than loopback."
    )
    heartbeat_url: str = Field("", description="URL that is pinged each minute while the tick is on time.")
    queue_limit: int = Field(
        20_000, ge=1, description="Check-ins that may wait to be committed before 503 is answered."
    )
    batch_limit: int = Field(500, ge=1, le=5_000, description="Check-ins committed together at most.")
    sentry_rate: int = Field(
        6, ge=0, le=60_000, description="Sentry check-ins a minute of one slug and environment; 0 means no limit."
    )
    pingguard_rate: int = Field(
        60, ge=0, le=60_000, description="Requests a minute of one key to /api/monitors; 0 means no limit."
    )
    retention_log_days: Days = Field(30, description="Days that messages of runs are kept; 0 means for ever.")
    retention_run_days: RunDays = Field(90, description="Days that runs are kept, at least 8; 0 means for ever.")
    retention_failed_run_days: RunDays = Field(
        365, description="Days that failed runs are kept with their output, at least 8; 0 means for ever."
    )
    retention_event_days: Days = Field(90, description="Days that events are kept; 0 means for ever.")
    retention_delivery_days: Days = Field(
        90, description="Days that alerts and their deliveries are kept; 0 means for ever."
    )
    retention_rejection_days: Days = Field(30, description="Days that rejections are kept; 0 means for ever.")
    retention_audit_days: Days = Field(
        365, description="Days that a workspace's log is kept, and who changed what; 0 means for ever."
    )
    prune_every_seconds: int = Field(
        3_600, ge=1, le=30 * 86_400, description="Seconds from one look for what is kept no longer to the next."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level of log lines.")

    @field_validator("allow_destinations")
    @classmethod
    def _networks_parse(cls, value: str) -> str:
        _networks(value)
        return value

    @field_validator("pagerduty_url", "opsgenie_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https://")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            parse_smtp_url(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _one_mailbox(cls, value: str) -> str:
        if not re.fullmatch(r"([^<>\x00-\x1f]*<)?[^\s<>@]+@[^\s<>@]+>?", value) or not parseaddr(value)[1].isascii():
            raise ValueError("must be an address, or Name <address>")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgres://", "sqlite:///")):
            raise ValueError("must begin with postgresql:// or sqlite:///")
        host = value.partition("://")[2].rpartition("@")[2].partition("/")[0]
        if value.startswith("postgres") and re.search(r":[^]:]*[^]:0-9][^]:]*$", host):
            raise ValueError("must have a number as its port")
        return value

    @property
    def allowed_networks(self) -> list[IPv4Network | IPv6Network]:
        return _networks(self.allow_destinations)

    @property
    def retention(self) -> Retention:
        """How long a workspace keeps what has been where it says nothing itself."""
        return Retention(*(getattr(self, f"retention_{name}") for name in Retention._fields))

    @property
    def public_url(self) -> str:
        return self.base_url.rstrip("/") or self.listening_url

    @property
    def listening_url(self) -> str:
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return (
            f"http://[{host}]:{self.port}" if ":" in host and not host.startswith("[") else f"http://{host}:{self.port}"
        )

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'tocsin.db'}"

    @property
    def resolved_key_file(self) -> Path:
        return self.secret_key_file or self.data_dir / "secret.key"


def _networks(text: str) -> list[IPv4Network | IPv6Network]:
    return [ip_network(part.strip()) for part in text.split(",") if part.strip()]
