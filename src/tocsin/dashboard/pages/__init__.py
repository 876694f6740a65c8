"""The pages, one module an area. A new area is one module, and its line here."""

from tocsin.dashboard.pages import (
    events,
    incidents,
    job,
    job_forms,
    jobs,
    overview,
    patterns,
    people,
    public,
    searching,
    sharing,
    signing_in,
    tenants,
    topology,
    trends,
)

AREAS = (
    overview.pages,
    incidents.pages,
    jobs.pages,
    job_forms.pages,
    job.pages,
    tenants.pages,
    events.pages,
    patterns.pages,
    trends.pages,
    searching.pages,
    topology.pages,
    sharing.pages,
    public.pages,
    signing_in.pages,
    people.pages,
)
