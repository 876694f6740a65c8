from pathlib import Path

import pytest

from tocsin.client.arguments import make_parser, parse, seconds


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["--", "true"], ["true"]),
        (["--job", "a", "--", "ls", "--job", "b"], ["ls", "--job", "b"]),
        (["--job", "a", "ls", "-l"], ["ls", "-l"]),
        (["ls", "--", "-l"], ["ls", "--", "-l"]),
        (["--", "env", "--", "ls"], ["env", "--", "ls"]),
        (["--no-output", "--", "--odd"], ["--odd"]),
    ],
)
def test_the_command_is_taken_as_it_is(arguments: list[str], command: list[str]) -> None:
    assert parse(arguments, {}).command == command


@pytest.mark.parametrize(
    "arguments", [[], ["--"], ["--job", "a"], ["--nonsense", "--", "ls"], ["--timeout", "0", "ls"]]
)
def test_a_wrong_option_is_refused_as_by_every_command(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments, {})
    assert ended.value.code == 2


def test_options_win_over_the_environment() -> None:
    environ = {"TOCSIN_JOB": "a", "TOCSIN_TENANT": "acme", "TOCSIN_URL": "http://t", "TOCSIN_API_KEY": "sg_1"}
    found = parse(["--job", "b", "--", "ls"], environ)
    assert (found.job, found.tenant, found.url, found.api_key) == ("b", "acme", "http://t", "sg_1")


def test_the_key_has_a_second_name() -> None:
    assert parse(["ls"], {"SYNCGUARD_API_KEY": "sg_2"}).api_key == "sg_2"
    assert parse(["ls"], {"SYNCGUARD_API_KEY": "sg_2", "TOCSIN_API_KEY": "sg_1"}).api_key == "sg_1"


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("0", 0)])
def test_times_are_written_as_for_timeout(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "s", "-1", "nan", "inf", "1x", "1e9d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        seconds(text)


_PAGE = (Path(__file__).parent.parent.parent / "docs" / "exec.md").read_text()


@pytest.mark.parametrize("option", make_parser({})._option_string_actions)
def test_every_option_is_documented(option: str) -> None:
    assert f"| `{option}` |" in _PAGE or option in {"-h", "--help"}
