"""/keys: named API keys beside the primary one."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Administering, uuid_of
from tocsin.api.wire import Paging, Wire, example
from tocsin.application import keys
from tocsin.domain.ids import is_external_id
from tocsin.store import Connection
from tocsin.store import views_people as views

router = APIRouter(prefix="/keys", tags=["keys"])
Scope = Literal["ingest", "read", "admin"]


def _readable(text: str) -> str:
    if not is_external_id(text):
        raise ValueError("must have no control characters, and no blanks around it.")
    return text


class NewKey(Wire):
    model_config = example(name="cron hosts", scopes=["ingest"])

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_readable)]
    scopes: list[Scope] = Field(min_length=1, max_length=3)


@router.get("", response_model=answers.Answer[answers.Items[answers.Key]])
def list_keys(call: Administering, page: Paging) -> Response:
    """List the keys that work, with what they may and when they were last used."""
    return call.read(lambda connection: views.list_keys(connection, call.workspace_id, page))


@router.post("", response_model=answers.Answer[answers.ScopedKey], status_code=201)
def create_key(call: Administering, body: NewKey) -> Response:
    """Make a key, shown this once. Its scopes: `ingest` sends check-ins and events, `read` looks, `admin` does all."""

    def work(connection: Connection) -> object:
        scopes = list(dict.fromkeys(body.scopes))
        made = keys.create_key(connection, call.services.ids, call.now, call.workspace_id, body.name, scopes)
        return {"key": views.key_object(connection, call.workspace_id, made.id), "apiKey": made.plain}

    return call.write(work, 201, "Key created.")


@router.delete("/{key}", response_model=answers.Nothing)
def revoke_key(call: Administering, key: str) -> Response:
    """Revoke a key: it is dead at once, on every node."""
    number = uuid_of(key, "Key")
    return call.write(
        lambda connection: keys.revoke_key(connection, call.workspace_id, number, call.now), message="Key revoked."
    )
