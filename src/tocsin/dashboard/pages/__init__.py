"""The pages, one module an area. A new area is one module, and its line here."""

from tocsin.dashboard.pages import (
    account,
    channels,
    deliveries,
    incidents,
    job,
    job_forms,
    jobs,
    maintenance,
    overview,
    people,
    public,
    searching,
    settings,
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
    channels.pages,
    deliveries.pages,
    maintenance.pages,
    settings.pages,
    account.pages,
    signing_in.pages,
    people.pages,
)
