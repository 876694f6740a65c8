"""`tocsin rotate-secrets` beside a server that is in use, and killed in the middle."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.acceptance.conftest import Home
from tests.support.bell import Bell
from tests.support.remote import Remote
from tests.support.server import Server
from tocsin.key_file import read_or_make
from tocsin.secret_box import SecretBox
from tocsin.store.schema import channels

pytestmark = pytest.mark.acceptance


def _rotation(home: Home, *options: str) -> subprocess.Popen[str]:
    settings = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    settings |= {"TOCSIN_DATA_DIR": str(home.folder), "TOCSIN_DATABASE_URL": home.database_url}
    command = [sys.executable, "-m", "tocsin", "rotate-secrets", *options]
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _rotate(home: Home, *options: str) -> str:
    running = _rotation(home, *options)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 0, said
    return said


def _owner(server: Server) -> str:
    """A token signed with the key of now."""
    token = server.output.split("for a week): ")[1].split()[0].partition("#")[2]
    claim = {"email": "owner@example.com", "password": "correct horse battery staple", "claimToken": token}
    return str(Remote(server).ok("POST", "auth/register", claim)["token"])


def _all_is_well(remote: Remote, token: str, the_bell: Bell) -> None:
    """Channels are shown, take alerts, and can be set; who is signed in stays so."""
    heard = len(the_bell.rings)
    assert len(remote.ok("GET", "workspaces/me")["channels"]) == 2
    assert remote.ok("POST", "workspaces/me/channels/webhook/test")["delivered"] is True
    assert len(the_bell.rings) == heard + 1
    remote.ok("PUT", "workspaces/me/channels/slack", the_bell.slack_channel)
    remote.ok("GET", "tenants", headers={"Authorization": f"Bearer {token}", "X-Api-Key": ""})


def _seen_with(home: Home) -> set[bytes]:
    """The heads (version and key id) of all sealed configs."""
    with home.store() as store, store.read() as connection:
        return {bytes(row.config)[:5] for row in connection.execute(channels.select())}


def test_a_server_does_not_notice_but_seals_with_the_new_key(home: Home, the_bell: Bell) -> None:
    with home.serving() as server:
        remote, token = Remote(server), _owner(server)
        remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
        remote.ok("PUT", "workspaces/me/channels/slack", the_bell.slack_channel)
        before = _seen_with(home)
        assert "secrets were sealed anew" in _rotate(home)
        _all_is_well(remote, token, the_bell)
        (head,) = _seen_with(home)
        assert head not in before
        assert head == SecretBox(read_or_make(home.folder / "secret.key")).current_head
        assert _rotate(home, "--forget-old").endswith("secret.key: 1.\n")
        assert remote.ok("POST", "workspaces/me/channels/webhook/test")["delivered"] is True
        old_token = {"Authorization": f"Bearer {token}", "X-Api-Key": ""}
        assert remote.refused("GET", "tenants", headers=old_token)[0] == 401
        assert server.stop() == 0
    assert '"level": "error"' not in server.output
    with home.serving() as server:
        assert Remote(server, remote.api_key).ok("POST", "workspaces/me/channels/webhook/test")["delivered"] is True


def test_it_may_be_killed_and_run_again(home: Home, the_bell: Bell) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 -- pytest shows it beside a failure
    chance = random.Random(seed)
    with home.serving() as server:
        remote, token = Remote(server), _owner(server)
        remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
        remote.ok("PUT", "workspaces/me/channels/slack", the_bell.slack_channel)
        for _ in range(4):
            running = _rotation(home)
            time.sleep(chance.uniform(0.5, 2.5))
            running.send_signal(signal.SIGKILL)
            running.communicate(timeout=30)
            _all_is_well(remote, token, the_bell)
        _rotate(home)
        _all_is_well(remote, token, the_bell)
        _rotate(home, "--forget-old")
        (head,) = _seen_with(home)
        assert head == SecretBox(read_or_make(home.folder / "secret.key")).current_head
        assert remote.ok("POST", "workspaces/me/channels/webhook/test")["delivered"] is True
        assert server.stop() == 0
    assert '"level": "error"' not in server.output
