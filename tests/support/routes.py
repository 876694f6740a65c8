"""The management API's application, lent to one test after another."""

from fastapi import FastAPI

from tocsin.api.app import build_api
from tocsin.api.services import Services

_idle: list[FastAPI] = []


def borrow_api(services: Services) -> FastAPI:
    """An application that nobody uses just now: to make its routes takes longer than most tests do, and it holds
    nothing but its services. To be given back."""
    app = _idle.pop() if _idle else build_api(services)
    app.state.services = services
    return app


def give_back(app: FastAPI) -> None:
    _idle.append(app)
