"""The pages, one module an area. A new area is one module, and its line here."""

from tocsin.dashboard.pages import incidents, jobs, overview, people, public, searching, sharing, signing_in, topology

AREAS = (
    overview.pages,
    incidents.pages,
    jobs.pages,
    searching.pages,
    topology.pages,
    sharing.pages,
    public.pages,
    signing_in.pages,
    people.pages,
)
