"""One's own account: the password, and the second factor."""

import io

import segno
from markupsafe import Markup
from starlette.responses import Response

from tocsin.application.access import Right
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.store import views_people

pages = Pages()


@pages.get("/account")
def show_account(page: Page) -> Response:
    return _account(page)


@pages.post("/account/password", right=Right.READ, again=show_account)
def change_password(page: Page) -> Response:
    names = ("currentPassword", "newPassword")
    message = page.ask("POST", "/auth/password", {name: page.form.get(name, "") for name in names}).message
    return page.go("/account", message)


@pages.post("/account/second-factor", right=Right.READ, again=show_account)
def begin_second_factor(page: Page) -> Response:
    made = page.ask("POST", "/auth/totp", {"password": page.form.get("password", "")}).data
    return page.render("second-factor.html", secret=made["secret"], picture=_qr_code(made["uri"]))


def _code_again(page: Page) -> Response:
    """The key itself is not shown again: the app has it."""
    return page.render("second-factor.html", secret="", picture="")


@pages.post("/account/second-factor/confirm", right=Right.READ, again=_code_again)
def confirm_second_factor(page: Page) -> Response:
    codes = page.ask("POST", "/auth/totp/confirm", {"code": page.form.text("code")}).data["recoveryCodes"]
    return page.render("recovery-codes.html", codes=codes)


@pages.post("/account/second-factor/off", right=Right.READ, again=show_account)
def turn_off_second_factor(page: Page) -> Response:
    message = page.ask("DELETE", "/auth/totp", {"password": page.form.get("password", "")}).message
    return page.go("/account", message)


def _account(page: Page) -> Response:
    with page.read() as connection:
        me = views_people.member_object(connection, page.workspace_id, page.visitor.principal.user_id or 0)
    return page.render("account.html", is_on=bool(me and me["hasSecondFactor"]))


def _qr_code(uri: str) -> Markup:
    """An inline SVG, drawn black on white whatever the theme: cameras want it so."""
    drawn = io.BytesIO()
    segno.make(uri, error="m").save(drawn, kind="svg", scale=5, border=4, dark="#000", light="#fff", xmldecl=False,
                                    svgns=False, omitsize=True, svgclass="qr", lineclass=None)  # fmt: skip
    return Markup(drawn.getvalue().decode())  # noqa: S704 -- drawn by us: numbers and colours
