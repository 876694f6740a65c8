"""Where jobs run; what no sender named is null."""

from tocsin.api.answers.shapes import Id, Moment, Shape, Status


class HostNode(Shape):
    """A host is down where the last run on it was a failure."""

    host: str | None
    status: Status
    last_outcome: str | None
    last_run_id: Id
    last_seen_at: Moment


class JobNode(Shape):
    job_key: str
    name: str
    status: Status
    hosts: list[HostNode]


class ServiceNode(Shape):
    service: str | None
    status: Status
    jobs: list[JobNode]


class ProjectNode(Shape):
    """A node has the worst status of those below it."""

    project: str | None
    status: Status
    services: list[ServiceNode]


class Topology(Shape):
    """`left_out`: how many places there are beside those in the tree, which were heard last."""

    projects: list[ProjectNode]
    left_out: int
