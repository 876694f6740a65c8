"""Crontabs under `tocsin exec`: cron itself is written down here, to see that both ways run the same."""

import json
import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.client.crontab import Wrapping, entries, has_setting, schedule, wrapped
from tocsin.client.crontab_file import CrontabError, read_file, replace_file
from tocsin.client.destination import Answer, UnreachableError
from tocsin.client.job_key import suggest
from tocsin.client.registering import Registration, register

DONE = Answer(200, b'{"isSuccess": true}')
TOCSIN = Wrapping("/usr/bin/tocsin")

USERS = """\
# m h dom mon dow command
MAILTO="ops@example.com"
0 3 * * *   /usr/local/bin/backup.sh --full   # nightly
CRON_TZ = Europe/Vienna
*/5 1-5 * * mon-fri\tcd /srv && ./sync 'it''s' > /tmp/$(date +\\%F).log
@daily /opt/report%line one%line two

-0 4 * * 7 tocsin exec --job quiet -- /opt/quiet
SHELL=/usr/bin/fish
@reboot echo hi
not a line
"""


def _wrapped(text: str, *, is_system: bool = False, wrapping: Wrapping = TOCSIN) -> str:
    found = [e for e in entries(text, is_system=is_system) if not e.is_wrapped and not e.obstacle]
    return wrapped(text, found, wrapping, {})


def test_the_jobs_of_a_users_crontab() -> None:
    found = entries(USERS, is_system=False)
    assert [(e.times, e.key, e.timezone, e.is_wrapped) for e in found] == [
        ("0 3 * * *", "backup", "", False),
        ("*/5 1-5 * * mon-fri", "sync", "Europe/Vienna", False),
        ("@daily", "report", "Europe/Vienna", False),
        ("-0 4 * * 7", "quiet", "Europe/Vienna", True),
        ("@reboot", "echo", "Europe/Vienna", False),
    ]
    assert [bool(e.obstacle) for e in found] == [False, False, False, False, True]


def test_only_the_commands_change_and_only_once() -> None:
    new = _wrapped(USERS)
    assert new.split("\n")[2:6] == [
        "0 3 * * *   /usr/bin/tocsin exec --job backup -- /bin/sh -c '/usr/local/bin/backup.sh --full   # nightly'",
        "CRON_TZ = Europe/Vienna",
        "*/5 1-5 * * mon-fri\t/usr/bin/tocsin exec --job sync -- /bin/sh -c "
        "'cd /srv && ./sync '\\''it'\\'''\\''s'\\'' > /tmp/$(date +\\%F).log'",
        "@daily /usr/bin/tocsin exec --job report -- /opt/report%line one%line two",
    ]
    assert [line for line in new.split("\n") if "tocsin" not in line] == [
        line for number, line in enumerate(USERS.split("\n")) if number not in {2, 4, 5, 7}
    ]
    assert _wrapped(new) == new


def test_a_systems_crontab_names_users() -> None:
    text = "17 * * * *\troot    cd / && run-parts --report /etc/cron.hourly\n@daily www-data /opt/x\n"
    assert [(e.user, e.key) for e in entries(text, is_system=True)] == [("root", "run-parts"), ("www-data", "x")]
    assert _wrapped(text, is_system=True) == (
        "17 * * * *\troot    /usr/bin/tocsin exec --job run-parts -- /bin/sh -c "
        "'cd / && run-parts --report /etc/cron.hourly'\n"
        "@daily www-data /usr/bin/tocsin exec --job x -- /opt/x\n"
    )


def test_the_shell_of_the_crontab_stays_its_shell() -> None:
    assert "-- /bin/bash -c 'a | b'" in _wrapped('SHELL="/bin/bash"\n* * * * * a | b\n')


def test_settings_are_put_at_the_top_once() -> None:
    text = "TOCSIN_URL=http://there\n* * * * * /a/b\n"
    new = wrapped(text, entries(text, is_system=False), TOCSIN, {"TOCSIN_URL": "http://t", "TOCSIN_API_KEY_FILE": "/k"})
    assert new.startswith("TOCSIN_API_KEY_FILE=/k\nTOCSIN_URL=http://there\n")
    assert has_setting(new, "TOCSIN_API_KEY_FILE")
    assert not has_setting(text, "TOCSIN_API_KEY_FILE")
    assert wrapped(new, [], TOCSIN, {"OTHER": "x"}) == new


def test_keys_are_told_apart() -> None:
    text = "* * * * * /a/sync\n* * * * * /b/sync\n* * * * * tocsin exec --job sync-2 -- /c/sync\n"
    assert [e.key for e in entries(text, is_system=False, prefix="web1-")] == ["web1-sync", "web1-sync-2", "sync-2"]
    assert [e.key for e in entries(text, is_system=False)] == ["sync", "sync-3", "sync-2"]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_the_ends_of_lines_stay(end: str) -> None:
    assert _wrapped(f"# x\r\n0 0 * * * /a/b{end}").endswith(f"{end}" if end != "\r\n" else "\r'\n")


def _as_cron(command: str, folder: Path) -> tuple[int, bytes]:
    """What cron does: `\\%` is a `%`; the first bare one ends the command, and each further one a line of its input."""
    shell, lines, escaped = "", [], False
    rest = ""
    for position, character in enumerate(command):
        if character == "%" and not escaped:
            rest = command[position + 1 :]
            break
        if escaped and character != "%":
            shell += "\\"
        escaped = character == "\\"
        shell += "" if escaped else character
    else:
        shell += "\\" if escaped else ""
    lines = [part.replace("\0", "%") for part in rest.replace("\\%", "\0").split("%")] if rest else []
    ended = subprocess.run(
        ["/bin/sh", "-c", shell],
        input="".join(f"{line}\n" for line in lines).encode(),
        capture_output=True,
        cwd=folder,
        timeout=20,
        check=False,
    )
    return ended.returncode, ended.stdout


#: Without what differs from one time to the next: the shell's own number, files made, commands in the background.
_ODD = st.text(st.sampled_from("ab '\"\\$%#*;|()<!~`{}=\t"), min_size=1, max_size=12).filter(
    lambda odd: "$$" not in odd
)


@settings(max_examples=150, deadline=None)
@given(_ODD)
@example('it\'s 50\\% of "$HOME"')
@example("a\\\\%b")
@example("trailing \\")
@example("x'%'y")
def test_a_wrapped_command_does_what_it_did(tmp_path_factory: pytest.TempPathFactory, odd: str) -> None:
    """Whatever the quoting: the command is `printf` of something odd, and then its input."""
    folder = tmp_path_factory.mktemp("cron")
    stand_in = folder / "tocsin"
    stand_in.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    stand_in.chmod(0o755)
    command = f"printf '[%s]' {odd}; cat".replace("%s", "\\%s")
    line = _wrapped(f"* * * * * {command}", wrapping=Wrapping(str(stand_in)))
    assert str(stand_in) in line
    assert _as_cron(line.removeprefix("* * * * * "), folder) == _as_cron(command, folder)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("0 3 * * *", {"type": "crontab", "value": "0 3 * * *", "timezone": "UTC"}),
        ("-0  3 *\t* *", {"type": "crontab", "value": "0 3 * * *", "timezone": "UTC"}),
        ("@daily", {"type": "crontab", "value": "@daily", "timezone": "UTC"}),
        ("@midnight", {"type": "crontab", "value": "@daily", "timezone": "UTC"}),
        ("@reboot", {"type": "none"}),
    ],
)
def test_schedules_are_the_apis(times: str, expected: dict[str, str]) -> None:
    assert schedule(times, "UTC") == expected


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("/usr/local/bin/backup.sh --full", "backup"),
        ("cd /srv/app && ./bin/sync", "sync"),
        ("PATH=/x:$PATH FOO=1 /opt/run-it", "run-it"),
        ("nice -n 19 ionice -c 3 /opt/heavy.py", "heavy"),
        ("flock -n /tmp/lock timeout 5m /opt/x", "x"),
        ("sudo -u www-data php /var/www/cron.php", "cron"),
        ("/usr/bin/env python3 /opt/report.py", "report"),
        ("python3 -m billing.invoices", "billing.invoices"),
        ("bash -c 'cd /x; /opt/deep.sh'", "deep"),
        ("test -x /usr/sbin/anacron || run-parts /etc/cron.daily", "run-parts"),
        ("[ -d /x ] && /opt/y", "y"),
        ("mysqldump x | gzip > /b/x.gz", "mysqldump"),
        ("/opt/ünï.sh", "n"),
        ("'unclosed", "unclosed"),
        ("true", "job"),
    ],
)
def test_a_job_is_named_as_people_would(command: str, key: str) -> None:
    assert suggest(command) == key


class Wire:
    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        self.sent: list[tuple[str, dict[str, object]]] = []

    def post(self, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        self.sent.append((path, json.loads(body)))
        if self.answer is None:
            raise UnreachableError("Connection refused")
        return self.answer


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (DONE, Registration.MADE),
        (Answer(409, b'{"isSuccess": false, "message": "There is one."}'), Registration.EXISTED),
        (Answer(422, b'{"isSuccess": false, "message": "schedule: no."}'), Registration.FAILED),
        (Answer(401, b'{"isSuccess": false, "message": "Key."}'), Registration.FAILED),
        (Answer(409, b"conflict, says a proxy"), Registration.FAILED),
        (None, Registration.FAILED),
    ],
)
def test_what_becomes_of_a_registration(answer: Answer | None, state: Registration) -> None:
    wire = Wire(answer)
    done = register(wire.post, "backup", schedule("0 3 * * *", "Europe/Vienna"))
    assert done.state is state
    assert bool(done.sentence) == (state is Registration.FAILED)
    assert wire.sent == [
        (
            "/api/v1/jobs",
            {
                "jobKey": "backup",
                "name": "backup",
                "schedule": {"type": "crontab", "value": "0 3 * * *", "timezone": "Europe/Vienna"},
                "tenantImpactThreshold": 1,
                "consecutiveMissThreshold": 1,
                "failureThreshold": 1,
            },
        )
    ]


def test_a_file_is_replaced_in_one_step_with_a_backup(tmp_path: Path) -> None:
    file = tmp_path / "job"
    file.write_bytes(b"\xff old\n")
    file.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(file)
    backup = replace_file(link, read_file(link), "new\n", "1")
    assert link.is_symlink()
    assert file.read_text() == "new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert backup.read_bytes() == b"\xff old\n"
    assert backup.name.endswith("~")
    assert sorted(os.listdir(tmp_path)) == ["job", "job.1~", "link"]


def test_a_file_that_was_changed_in_the_meantime_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "job"
    file.write_text("newer\n")
    with pytest.raises(CrontabError, match="changed in the meantime"):
        replace_file(file, "old\n", "new\n", "1")
    assert file.read_text() == "newer\n"
