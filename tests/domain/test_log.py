"""A message from a run moves nothing, and stays with its run."""

import pytest

from tests.support.domain import a_check_in, a_job, a_run, a_stream
from tocsin.domain import check_in as checking
from tocsin.domain.message import MESSAGE_BYTES, joined
from tocsin.domain.model import SECOND
from tocsin.domain.reason import Reason


def test_it_is_kept_with_its_run_and_nothing_else_changes() -> None:
    stream, run = a_stream(open_runs=1), a_run("in_progress", 100, message="begun")
    heard = checking.hear(a_job(), stream, run, a_check_in("log", 110, message="half way"), 9)
    assert heard.reason is Reason.LOGGED
    assert heard.run == run._replace(message="begun\nhalf way")
    assert heard.stream == stream._replace(last_check_in_at=110 * SECOND)


def test_without_a_run_it_was_only_heard() -> None:
    heard = checking.hear(a_job(), a_stream(), None, a_check_in("log", 110, message="lost"), 9)
    assert (heard.run, heard.stream.last_check_in_at) == (None, 110 * SECOND)


def test_it_does_not_hide_a_duplicate() -> None:
    stream = checking.hear(a_job(), a_stream(), None, a_check_in("success", 100), 9).stream
    stream = checking.hear(a_job(), stream, None, a_check_in("log", 101, message="x"), 10).stream
    assert checking.hear(a_job(), stream, None, a_check_in("success", 102), 11).reason is Reason.DUPLICATE


def test_the_result_follows_what_was_logged() -> None:
    run = a_run("in_progress", 100, message="half way")
    done = checking.hear(a_job(), a_stream(open_runs=1), run, a_check_in("success", 120, message="done"), 9)
    assert done.run is not None
    assert done.run.message == "half way\ndone"


@pytest.mark.parametrize(
    ("before", "after", "both"),
    [
        (None, None, None),
        ("a", None, "a"),
        (None, "b", "b"),
        ("", "b", "b"),
        ("a\n", "b", "a\nb"),
        ("a" * MESSAGE_BYTES, "b", "a" * (MESSAGE_BYTES - 2) + "\nb"),
    ],
)
def test_two_messages_are_one_within_its_limit(before: str | None, after: str | None, both: str | None) -> None:
    assert joined(before, after) == both
