"""A 2xx means: on the disk. Seen from the kernel, with strace."""

import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.server import Server

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
]

_CLIENTS, _PINGS_EACH = 8, 10
_CALLS = "fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg"
#: -D: the server stays our child; -y: what each descriptor is; -s: whole pages, so that the run ids in them are seen.
_STRACE = ["strace", "-D", "-f", "-y", "-s", "8192", "-e", f"trace={_CALLS}", "-e", "signal=none", "-o"]
_CALL = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\(\d+<(?P<target>.*?)>(?P<rest>.*)")
_RESUMED = re.compile(r"(?P<thread>\d+) +<\.\.\. (?P<name>\w+) resumed>.*= (?P<result>-?\d+)")
_RUN_ID = re.compile(r"run-\d{4}")


class Traced(NamedTuple):
    """What the server did, by line of the trace: first write of each run id to the log, syncs of it, answers' heads."""

    written: dict[str, int]
    syncs: list[tuple[int, int]]
    answered: dict[str, int]


def _ping_all(server: Server) -> set[str]:
    """Several clients at once, so that there are batches; the run ids that were acknowledged."""

    def ping(first: int) -> list[str]:
        with server.client() as client:
            names = [f"run-{first + i:04}" for i in range(_PINGS_EACH)]
            bodies = [{"tenantId": "acme", "status": "success", "runId": name} for name in names]
            return [b["runId"] for b in bodies if client.post("jobs/nightly/ping", json=b).status_code == 200]

    with ThreadPoolExecutor(_CLIENTS) as pool:
        return {name for names in pool.map(ping, range(0, _CLIENTS * 100, 100)) for name in names}


def _read(trace: Sequence[str]) -> Traced:
    traced = Traced({}, [], {})
    heads: dict[str, int] = {}
    begun: dict[str, int] = {}
    for number, line in enumerate(trace):
        if resumed := _RESUMED.match(line):
            since = begun.pop(resumed["thread"], None)
            if since is not None and resumed["result"] == "0":
                traced.syncs.append((since, number))
        elif call := _CALL.match(line):
            if call["target"].endswith("-wal"):
                _note_log(traced, begun, call, number)
            elif call["target"].startswith(("socket:", "TCP")):
                _note_answer(traced, heads, call, number)
    return traced


def _note_log(traced: Traced, begun: dict[str, int], call: re.Match[str], number: int) -> None:
    if call["name"] not in ("fsync", "fdatasync"):
        for name in _RUN_ID.findall(call["rest"]):
            traced.written.setdefault(name, number)
    elif "unfinished" in call["rest"]:
        begun[call["thread"]] = number
    elif call["rest"].endswith("= 0"):
        traced.syncs.append((number, number))


def _note_answer(traced: Traced, heads: dict[str, int], call: re.Match[str], number: int) -> None:
    """The status line may travel ahead of the body, in which the run id stands."""
    if "HTTP/1.1 2" in call["rest"]:
        heads[call["target"]] = number
    for name in _RUN_ID.findall(call["rest"]):
        traced.answered.setdefault(name, heads[call["target"]])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    data = {"TOCSIN_PORT": "0", "TOCSIN_DATA_DIR": str(tmp_path / "data")}
    server = Server(["serve"], data, under=[*_STRACE, str(tmp_path / "trace")])
    yield server
    server.stop()


def test_between_a_batch_and_its_first_answer_there_is_a_sync(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        assert client.post("tenants", json={"externalId": "acme", "name": "Acme"}).is_success
        job = {"jobKey": "nightly", "name": "Nightly", "schedule": {"type": "interval", "seconds": 3600}}
        assert client.post("jobs", json=job).is_success
    acked = _ping_all(server)
    server.stop()
    traced = _read((tmp_path / "trace").read_text(errors="replace").splitlines())

    assert len(acked) == _CLIENTS * _PINGS_EACH
    assert set(traced.written) == set(traced.answered) == acked
    for name in acked:
        between = (traced.written[name], traced.answered[name])
        assert any(between[0] < begun <= ended < between[1] for begun, ended in traced.syncs), name
