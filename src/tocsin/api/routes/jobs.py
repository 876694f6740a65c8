"""/jobs: what should run, and what was heard of it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Call, Reading, Writing, uuid_of
from tocsin.api.job_wire import JobChanges, NewJob, changed_columns, new_row, parent_of
from tocsin.api.wire import Filter, Paging, moment, moment_parameter
from tocsin.application import dependencies, manage_jobs
from tocsin.application.errors import not_found
from tocsin.store import Connection, views_jobs, views_streams
from tocsin.store.views_job_list import JobFilters
from tocsin.store.views_job_list import list_jobs as list_of_jobs
from tocsin.store.views_streams import RunFilters, StreamFilters

router = APIRouter(tags=["jobs"])
OutcomeFilter = Annotated[
    Literal["in_progress", "ok", "error", "missed", "timeout", "unknown"] | None, Query(alias="outcome")
]
StatusFilter = Annotated[Literal["down", "late", "up", "new", "paused"] | None, Query()]


@router.get("/jobs", response_model=answers.Answer[answers.Items[answers.Job]])
def list_jobs(
    call: Reading,
    page: Paging,
    is_active: Annotated[bool | None, Query(alias="isActive")] = None,
    status: StatusFilter = None,
    text: Annotated[str | None, Query(alias="q", max_length=200)] = None,
    tag: Filter = None,
    protocol: Filter = None,
    project: Filter = None,
    service: Filter = None,
    host: Filter = None,
    tenant: Annotated[str | None, Query(alias="tenantId", max_length=300)] = None,
    sort: Literal["made", "newest", "name", "worst", "due", "tenants"] = "made",
) -> Response:
    """List the jobs with their state. `q` is looked for in names and keys; `protocol`: over which a job was made."""
    url = call.services.settings.public_url
    filters = JobFilters(
        text or "", status or "", tag or "", project or "", service or "", host or "", protocol or "", tenant or "",
        sort, is_active,
    )  # fmt: skip
    return call.read(lambda connection: list_of_jobs(connection, call.workspace_id, call.now, url, page, filters))


@router.post("/jobs", response_model=answers.Answer[answers.Job], status_code=201)
def create_job(call: Writing, body: NewJob) -> Response:
    """Register a job."""
    row = new_row(body)

    def work(connection: Connection) -> object:
        manage_jobs.create_job(connection, call.services.ids, call.now, call.workspace_id, row)
        if body.depends_on is not None:
            dependencies.depend(connection, call.now, call.workspace_id, body.job_key, parent_of(body))
        return _job(call, connection, body.job_key)

    return call.write(work, 201, "Job created.")


@router.get("/jobs/{jobKey}", response_model=answers.Answer[answers.Job])
def get_job(call: Reading, jobKey: str) -> Response:  # noqa: N803 -- the name in the address
    """One job with its state."""
    return call.read(lambda connection: _job(call, connection, jobKey), "Job")


@router.patch("/jobs/{jobKey}", response_model=answers.Answer[answers.Job])
def change_job(call: Writing, jobKey: str, body: JobChanges) -> Response:  # noqa: N803
    """Change any field of a job; `isActive: false` pauses it."""
    changes = changed_columns(body)

    def work(connection: Connection) -> object:
        key = manage_jobs.change_job(connection, call.services.ids, call.now, call.workspace_id, jobKey, changes)
        if "depends_on" in body.given():
            dependencies.depend(connection, call.now, call.workspace_id, key, parent_of(body))
        return _job(call, connection, key)

    return call.write(work, message="Job changed.")


@router.delete("/jobs/{jobKey}", response_model=answers.Nothing)
def delete_job(call: Writing, jobKey: str) -> Response:  # noqa: N803
    """Delete a job with its runs; its incident closes as resolved."""
    return call.write(
        lambda connection: manage_jobs.delete_job(connection, call.services.ids, call.now, call.workspace_id, jobKey),
        message="Job deleted.",
    )


@router.get("/jobs/{jobKey}/runs", response_model=answers.Answer[answers.Items[answers.Run]])
def list_runs(
    call: Reading,
    page: Paging,
    jobKey: str,  # noqa: N803
    tenant: Annotated[str | None, Query(alias="tenantId", max_length=300)] = None,
    environment: Filter = None,
    outcome: OutcomeFilter = None,
    host: Filter = None,
    since: Annotated[str | None, moment_parameter("from")] = None,
    until: Annotated[str | None, moment_parameter("to")] = None,
) -> Response:
    """The runs of a job, newest first."""
    filters = RunFilters(tenant, environment, outcome, moment("from", since), moment("to", until), host)
    return call.read(
        lambda connection: views_streams.list_runs(connection, _job_id(call, connection, jobKey), filters, page)
    )


@router.get("/jobs/{jobKey}/streams", response_model=answers.Answer[answers.Items[answers.Stream]])
def list_streams(
    call: Reading,
    page: Paging,
    jobKey: str,  # noqa: N803
    tenant: Annotated[str | None, Query(alias="tenantId", max_length=300)] = None,
    environment: Filter = None,
) -> Response:
    """The streams of a job, each with its state."""
    filters = StreamFilters(tenant, environment)
    return call.read(
        lambda connection: views_streams.list_streams(
            connection, _job_id(call, connection, jobKey), call.now, filters, page
        )
    )


@router.delete("/jobs/{jobKey}/streams/{stream}", response_model=answers.Nothing)
def forget_stream(call: Writing, jobKey: str, stream: str) -> Response:  # noqa: N803
    """Watch a stream no more until it is heard again."""
    return call.write(
        lambda connection: manage_jobs.forget_stream(
            connection, call.services.ids, call.now, call.workspace_id, jobKey, stream
        ),
        message="Stream forgotten.",
    )


@router.get("/jobs/{jobKey}/tenants", response_model=answers.Answer[answers.Items[answers.WatchedTenant]])
def list_watched_tenants(call: Reading, page: Paging, jobKey: str) -> Response:  # noqa: N803
    """The tenants watched for a job, each with its state."""
    return call.read(
        lambda connection: views_streams.list_watched_tenants(
            connection, _job_id(call, connection, jobKey), call.now, page
        )
    )


@router.get("/runs/{run}", response_model=answers.Answer[answers.WholeRun], tags=["runs"])
def get_run(call: Reading, run: str) -> Response:
    """One run with its timeline."""
    run_id = uuid_of(run, "Run")
    return call.read(lambda connection: views_streams.run_object(connection, call.workspace_id, run_id), "Run")


def _job(call: Call, connection: Connection, job_key: str) -> object:
    url = call.services.settings.public_url
    return views_jobs.job_object(connection, call.workspace_id, job_key, call.now, url)


def _job_id(call: Call, connection: Connection, job_key: str) -> int:
    job_id = views_jobs.find_job_id(connection, call.workspace_id, job_key)
    if job_id is None:
        raise not_found("Job")
    return job_id
