"""Scripts that report under whatever happens to the server, and remember what they were promised."""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

#: What a client may be told while a server dies and comes back, beside 200: nothing at all, or to try again.
_TRY_AGAIN = {0, 503}


Script = Callable[["Report"], Awaitable[None]]


@dataclass
class Report:
    """One run as its script reported it: each status sent, and whether it was acknowledged.

    `token` is its run id, or the message of one that has none.
    """

    token: str
    steps: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def is_promised(self) -> bool:
        return any(acked for _, acked in self.steps)

    @property
    def outcomes(self) -> set[str]:
        """What its run may be: what the last acknowledged step says, or any after it that went unanswered."""
        promised = [i for i, (_, acked) in enumerate(self.steps) if acked]
        names = {"start": "in_progress", "success": "ok", "failure": "error"}
        return {names[status] for status, _ in self.steps[promised[-1] if promised else 0 :]}


class Load:
    """Scripts in a thread of their own: `workers` of each kind, and one flapper for each job of `flappers`.

    The steady ones report to the job `steady`; a flapper keeps its job well and lets it fall silent, by turns. Runs
    of `paired` tenants have starts: a result of theirs that named no run would close whichever is open.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        tenants: list[str],
        paired: list[str],
        flappers: list[str],
        *,
        workers: int,
        chance: random.Random,
    ) -> None:
        self.reports: dict[str, Report] = {}
        self.complaints: list[str] = []
        self.port = url.rpartition(":")[2]
        self.api_key = api_key
        self._url = url
        self._tenants = tenants
        self._paired = paired
        self._flappers = flappers
        self._workers = workers
        self._chance = chance
        self._is_ending = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")

    def start(self) -> None:
        self._thread.start()

    def calm_down(self) -> None:
        """The steady ones end, and from now on no flapper falls silent."""
        self._is_ending.set()

    def stop(self) -> None:
        self.calm_down()
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(self._url, timeout=timeout, headers={"X-Api-Key": self.api_key}) as session:
            self._session = session
            scripts = [self._repeat(script) for script in self._kinds() for _ in range(self._workers)]
            await asyncio.gather(*scripts, *(self._flap(job) for job in self._flappers))

    def _kinds(self) -> list[Script]:
        return [self._once, self._careless, self._pair, self._stubborn]

    async def _repeat(self, script: Script) -> None:
        while not self._is_ending.is_set():
            await script(self._new_report())
            await asyncio.sleep(self._chance.uniform(0, 0.03))

    # --- what a script does ---------------------------------------------------------------------------------------

    async def _once(self, report: Report) -> None:
        """A success under a run id; nobody tries again."""
        await self._send(report, "steady", self._chance.choice(self._tenants), "success", runId=report.token)

    async def _careless(self, report: Report) -> None:
        """A failure that nothing but its message tells from others; nobody tries again."""
        await self._send(report, "steady", self._chance.choice(self._tenants), "failure", message=report.token)

    async def _pair(self, report: Report) -> None:
        """A start and its result, each tried again until it is acknowledged: a run id makes that safe."""
        tenant = self._chance.choice(self._paired)
        for status in ("start", "success"):
            await self._insist(report, tenant, status, {}, runId=report.token)

    async def _stubborn(self, report: Report) -> None:
        """A failure without a run id, tried again until it is acknowledged: the Idempotency-Key makes that safe."""
        tenant = self._chance.choice(self._tenants)
        await self._insist(report, tenant, "failure", {"Idempotency-Key": report.token}, message=report.token)

    async def _insist(self, report: Report, tenant: str, status: str, headers: dict[str, str], **more: Any) -> None:
        while not await self._send(report, "steady", tenant, status, headers, **more):
            if self._is_over.is_set():
                return
            await asyncio.sleep(0.1)

    async def _flap(self, job_key: str) -> None:
        while not self._is_over.is_set():
            for _ in range(self._chance.randrange(3, 14)):
                report = self._new_report()
                await self._send(report, job_key, self._tenants[0], "success", runId=report.token)
                await asyncio.sleep(0.3)
            if not self._is_ending.is_set():
                await asyncio.sleep(self._chance.uniform(1.2, 2.5))

    # --- on the wire ----------------------------------------------------------------------------------------------

    def _new_report(self) -> Report:
        report = Report(f"run-{len(self.reports)}")
        self.reports[report.token] = report
        return report

    async def _send(
        self, report: Report, job_key: str, tenant: str, status: str, headers: dict[str, str] | None = None, **more: Any
    ) -> bool:
        """Whether it was acknowledged; an answer that promises nothing must at least be one we may give."""
        step = len(report.steps)
        report.steps.append((status, False))
        body = {"tenantId": tenant, "status": status, **more}
        answered, text = await self._post(f"/api/v1/jobs/{job_key}/ping", body, headers)
        if answered == 200:
            report.steps[step] = (status, True)
        elif answered not in _TRY_AGAIN and not (answered == 409 and headers):
            self.complaints.append(f"{answered} {text}")
        return answered == 200

    async def _post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None) -> tuple[int, str]:
        """The status and the text; (0, …) where there was no whole answer."""
        try:
            async with self._session.post(path, json=body, headers=headers) as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            return 0, repr(error)
