"""/topology: where jobs run."""

from fastapi import APIRouter
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Reading
from tocsin.store import views_topology

router = APIRouter(tags=["topology"])


@router.get("/topology", response_model=answers.Answer[answers.Topology])
def get_topology(call: Reading) -> Response:
    """The tree project → service → job → host of runs that were attributed, each node with its state."""
    return call.read(lambda connection: views_topology.topology(connection, call.workspace_id, call.now))
