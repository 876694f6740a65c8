"""What the page of one job reads, on both engines."""

from tests.support.house import JOB, House, micros
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND
from tocsin.domain.schedule import Interval
from tocsin.store import schema, views_job_page
from tocsin.store.engine import Store


def test_what_the_page_of_a_job_reads(store: Store) -> None:
    house = House(store)
    house.make_job()
    for tenant, environment in (("acme", "production"), ("bolt", "production"), ("acme", "staging")):
        house.check_in("success", tenant, environment=environment)
    house.pass_time(3700)
    house.check_in("success", "acme", message="done")
    last = max(house.rows(schema.runs), key=lambda run: run.at)
    with store.read() as connection:
        job = views_job_page.job_row(connection, house.workspace_id, JOB)
        assert job is not None
        assert (job.schedule, job.grace, job.is_active) == (Interval(3600 * SECOND), 300 * SECOND, True)
        assert views_job_page.job_row(connection, house.workspace_id + 1, JOB) is None
        found = views_job_page.environments(connection, house.workspace_id, job.job_id)
        assert found == ["production", "staging"]
        late = views_job_page.late_streams(connection, job.job_id, micros(3700))
        assert len(late) == 2
        assert house.stream("bolt").id in late
        assert views_job_page.hosts(connection, house.workspace_id, job.job_id) == []
        assert views_job_page.mute_of(connection, house.workspace_id, JOB, micros(0)) is None

        second = last.at // SECOND * SECOND
        assert views_job_page.run_at(connection, house.workspace_id, JOB, "acme", second) == last.id
        for workspace, tenant, at in ((0, "acme", 0), (1, "acme", second), (0, "bolt", second)):
            assert views_job_page.run_at(connection, house.workspace_id + workspace, JOB, tenant, at) is None

        run = views_job_page.whole_run(connection, house.workspace_id, to_uuid(last.id))
        assert run is not None
        assert (run["tenantName"], run["message"], run["metrics"]) == ("acme", "done", {})
        assert views_job_page.whole_run(connection, house.workspace_id + 1, to_uuid(last.id)) is None
        assert views_job_page.whole_run(connection, house.workspace_id, "nonsense") is None
