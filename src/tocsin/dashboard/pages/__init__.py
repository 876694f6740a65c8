"""The pages, one module an area. A new area is one module, and its line here."""

from tocsin.dashboard.pages import incidents, overview, people, signing_in

AREAS = (overview.pages, incidents.pages, signing_in.pages, people.pages)
