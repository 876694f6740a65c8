"""The management API as one ASGI application."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI

from tocsin import __version__
from tocsin.api.docs import add_docs
from tocsin.api.document import complete
from tocsin.api.envelope import Failure
from tocsin.api.errors import LastResort, install
from tocsin.api.gate import Gate
from tocsin.api.routes import (
    audit,
    auth,
    channels,
    deliveries,
    events,
    incidents,
    jobs,
    keys,
    members,
    password,
    patterns,
    public_links,
    quiets,
    schedules,
    statistics,
    tenants,
    topology,
    totp,
    workspaces,
)
from tocsin.api.services import Services

PREFIX = "/api/v1"


def build_api(services: Services, described: Mapping[str, Any] | None = None) -> FastAPI:
    """Every route of the management API under `/api/v1`; whatever else is asked for is 404 in the envelope.

    `described`: OpenAPI paths of what is served beside it (the routes that machines ping), for one document of all.
    """
    app = FastAPI(
        title="Tocsin",
        version=__version__,
        description="The alarm bell that rings when jobs go silent.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={
            "4XX": {"model": Failure, "description": "Refused; the message says why, and what to do."},
            "5XX": {"model": Failure, "description": "Not done; try again after a while."},
        },
    )
    app.state.services = services
    app.state.described = described or {}
    api = APIRouter(prefix=PREFIX)
    people = (auth, password, totp, workspaces, members, keys, audit)
    for resource in (*people, channels, tenants, jobs, schedules, topology):
        api.include_router(resource.router)
    for resource in (events, patterns, incidents, quiets, deliveries, public_links, statistics):
        api.include_router(resource.router)
    app.include_router(api)
    add_docs(app, f"{PREFIX}/docs")
    # Made when somebody asks for it: it takes longer than all the rest of a start.
    app.openapi = lambda: complete(FastAPI.openapi(app), app.state.described)  # type: ignore[method-assign]
    install(app)
    app.add_middleware(Gate)
    app.add_middleware(LastResort)  # added last, so outermost
    return app
