"""People, and how they come in."""

import re
from typing import NamedTuple

from playwright.sync_api import Page, expect


class Person(NamedTuple):
    email: str
    name: str
    password: str


OWNER = Person("mara@northwind.example", "Mara Lindqvist", "correct horse battery staple")
VIEWER = Person("vera@northwind.example", "Vera Oduya", "only looking, thank you very much")


def claim(page: Page, link: str, person: Person) -> None:
    """Through the link that the first start prints."""
    page.goto(link)
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Name", exact=True).fill(person.name)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Claim it").click()
    expect(page).to_have_url(re.compile("/$"))


def accept(page: Page, link: str, person: Person) -> None:
    """Through the link of an invitation."""
    page.goto(link)
    page.get_by_label("Name", exact=True).fill(person.name)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Join").click()
    expect(page).to_have_url(re.compile("/$"))
