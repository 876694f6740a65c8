"""The pages, one module an area. A new area is one module, and its line here."""

from tocsin.dashboard.pages import (
    incidents,
    job,
    job_forms,
    jobs,
    overview,
    people,
    public,
    searching,
    sharing,
    signing_in,
    topology,
)

AREAS = (
    overview.pages,
    incidents.pages,
    jobs.pages,
    job_forms.pages,
    job.pages,
    searching.pages,
    topology.pages,
    sharing.pages,
    public.pages,
    signing_in.pages,
    people.pages,
)
