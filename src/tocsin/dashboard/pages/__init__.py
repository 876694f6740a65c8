"""The pages, one module an area. A new area is one module, and its line here."""

from tocsin.dashboard.pages import incidents, overview, people, signing_in, tenants

AREAS = (overview.pages, incidents.pages, tenants.pages, signing_in.pages, people.pages)
