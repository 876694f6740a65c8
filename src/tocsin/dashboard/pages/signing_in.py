"""Signing in and out, and what one-time links lead to: claiming the first workspace, an invitation, a new password.

All of it is the API's /auth, asked in process; what comes back becomes a cookie. The token of a link stands behind its
#, which browsers send to nobody: `links.js` puts it into the form.
"""

from typing import Any

from starlette.responses import Response

from tocsin.application import credentials
from tocsin.application.errors import unauthorized
from tocsin.dashboard import cookies, opening
from tocsin.dashboard.cookies import Way
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.dashboard.visitors import safe_next

pages = Pages()


@pages.get("/sign-in", right=None)
def show_sign_in(page: Page) -> Response:
    if page.who is not None:
        return page.go(safe_next(page.query.text("next")))
    return page.render("sign-in.html", next=page.query.text("next"), refused=_refused(page))


@pages.post("/sign-in", right=None, again=show_sign_in)
def sign_in(page: Page) -> Response:
    body = {"email": page.form.text("email"), "password": page.form.get("password", "")}
    return _signed_in(page, page.ask("POST", "/auth/login", body).data)


def show_second_step(page: Page) -> Response:
    return page.render("second-step.html", challenge=page.form.text("challenge"), next=page.form.text("next"))


@pages.post("/sign-in/code", right=None, again=show_second_step)
def second_step(page: Page) -> Response:
    body = {"challenge": page.form.text("challenge"), "code": page.form.text("code")}
    return _signed_in(page, page.ask("POST", "/auth/login/totp", body).data)


@pages.post("/sign-out", right=None)
def sign_out(page: Page) -> Response:
    if page.who is not None:
        page.ask("POST", "/auth/logout")
    response = page.go("/sign-in", "You are signed out.")
    cookies.forget(response, page.way, cookies.session_name(page.way))
    return response


# --- one-time links and registration ----------------------------------------------------------------------------------


@pages.get("/register", right=None)
def show_register(page: Page) -> Response:
    return page.render("register.html", kind="register", refused=_refused(page))


@pages.post("/register", right=None, again=show_register)
def register(page: Page) -> Response:
    return _registered(page, {})


@pages.get("/claim", right=None)
def show_claim(page: Page) -> Response:
    return page.render("register.html", kind="claim", refused=_refused(page))


@pages.post("/claim", right=None, again=show_claim)
def claim(page: Page) -> Response:
    return _registered(page, {"claimToken": page.form.text("token")})


@pages.get("/invitation", right=None)
def show_invitation(page: Page) -> Response:
    return page.render("invitation.html", refused=_refused(page))


@pages.post("/invitation", right=None, again=show_invitation)
def accept_invitation(page: Page) -> Response:
    """Somebody who is signed in with the invited address needs no password."""
    body = {"token": page.form.text("token"), "name": page.form.text("name")}
    password = page.form.get("password", "")
    return _signed_in(
        page, page.ask("POST", "/invitations/accept", {**body, **({"password": password} if password else {})}).data
    )


@pages.get("/forgot-password", right=None)
def show_forgot_password(page: Page) -> Response:
    return page.render("forgot-password.html", message="", refused=_refused(page))


@pages.post("/forgot-password", right=None, again=show_forgot_password)
def forgot_password(page: Page) -> Response:
    message = page.ask("POST", "/auth/password/reset", {"email": page.form.text("email")}).message
    return page.render("forgot-password.html", message=message, refused="")


@pages.get("/password", right=None)
def show_password(page: Page) -> Response:
    return page.render("password.html", refused=_refused(page))


@pages.post("/password", right=None, again=show_password)
def set_password(page: Page) -> Response:
    body = {"token": page.form.text("token"), "password": page.form.get("password", "")}
    return page.go("/sign-in", page.ask("POST", "/auth/password/reset/confirm", body).message)


def _registered(page: Page, more: dict[str, str]) -> Response:
    fields = {"email": page.form.text("email"), "name": page.form.text("name")}
    return _signed_in(
        page, page.ask("POST", "/auth/register", {**fields, "password": page.form.get("password", ""), **more}).data
    )


def _signed_in(page: Page, answer: dict[str, Any]) -> Response:
    """The page that was wanted, with the cookie of the session that the API opened; or the second step."""
    wanted = safe_next(page.form.text("next"))
    if answer.get("totpRequired"):
        return page.render("second-step.html", challenge=answer["challenge"], next=wanted)
    keys = page.site.services.secrets.signing_keys
    read = credentials.read_credential(None, f"Bearer {answer['token']}", keys, page.now)
    if read is None or read.user_id is None or read.session_id is None:
        raise unauthorized("Sign in again.")
    return opening.sign_in(page, page.go(wanted), read.user_id, read.workspace_id, read.session_id)


def _refused(page: Page) -> str:
    """Why nobody can sign in this way, where the browser would not keep the session safe."""
    return opening.NO_COOKIES if page.way is Way.REFUSED else ""
