"""What the overview is told, on both engines."""

from tests.support.house import House, micros
from tocsin.application import accounts, attending
from tocsin.application.attending import Deed
from tocsin.domain.model import SECOND
from tocsin.store import views_overview as views
from tocsin.store.engine import Store
from tocsin.store.schema import incidents


def _states(house: House) -> dict[str, int]:
    with house.store.read() as connection:
        found = views.tenant_states(connection, house.workspace_id, micros(house.now))
    return {state: count for state, count in found["counts"].items() if count}


def test_nothing_was_ever_set_up(store: Store) -> None:
    house = House(store)
    with store.read() as connection:
        assert views.is_empty(connection, house.workspace_id)
        assert views.tenant_states(connection, house.workspace_id, micros(0))["total"] == 0
        assert views.wrong_now(connection, house.workspace_id, 5)["items"] == []
    house.make_job()
    with store.read() as connection:
        assert not views.is_empty(connection, house.workspace_id)


def test_each_tenant_counts_once_by_the_worst_it_is_in(store: Store) -> None:
    house = House(store)
    house.make_job(failure_threshold=1, max_runtime=90_000 * SECOND)
    house.make_job(job_key="other", name="Other", max_runtime=90_000 * SECOND)
    house.add_tenant("idle")
    for tenant in ("well", "silent", "late", "failing", "running"):
        house.check_in("success", tenant)
    house.pass_time(1000)
    house.check_in("success", "late")
    house.pass_time(3000)
    for tenant in ("well", "running", "failing"):
        house.check_in("success", tenant)
    house.pass_time(3100)
    house.check_in("start", "running")
    house.check_in("failure", "failing")
    house.check_in("start", "silent", job="other")  # what is silent elsewhere is worse
    house.pass_time(4700)
    assert _states(house) == {"missed": 1, "error": 1, "late": 1, "progress": 1, "none": 1, "ok": 1}


def test_late_is_what_is_overdue_and_not_missed_yet(store: Store) -> None:
    house = House(store)
    house.make_job()
    house.check_in("success", "acme")
    house.pass_time(100)
    house.check_in("success", "bolt")
    house.pass_time(3650)
    with store.read() as connection:
        late = views.late_now(connection, house.workspace_id, micros(3650))
    assert late["total"] == 1
    (job,) = late["items"]
    assert (job["late"], job["watched_count"], job["tenant"]) == (1, 2, "acme")
    assert (job["due_at"], job["missed_at"]) == (micros(3600), micros(3900))
    house.pass_time(3950)
    with store.read() as connection:
        late = views.late_now(connection, house.workspace_id, micros(3950))
    assert [job["tenant"] for job in late["items"]] == ["bolt"]


def test_open_incidents_come_before_recovering_ones_and_many_tenants_before_few(store: Store) -> None:
    house = House(store)
    for key in ("few", "many", "over"):
        house.make_job(job_key=key, name=key.title())
    for tenant in ("acme", "bolt", "cobalt"):
        house.check_in("success", tenant, job="many")
    house.check_in("success", "acme", job="few")
    house.check_in("success", "acme", job="over")
    house.pass_time(3901)
    house.check_in("success", "acme", job="over")
    house.pass_time(4300)
    with store.read() as connection:
        wrong = views.wrong_now(connection, house.workspace_id, 2)
    assert [(one["name"], one["status"], one["affected"], one["of"]) for one in wrong["items"]] == [
        ("Many", "Open", 3, 3),
        ("Few", "Open", 1, 1),
    ]
    assert (wrong["open"], wrong["recovering"], wrong["since"]) == (2, 1, micros(3900))
    assert sorted(wrong["items"][0]["named"]) == ["acme", "bolt", "cobalt"]


def test_who_has_an_incident_is_told_by_name_while_its_cycle_lasts(store: Store) -> None:
    house = House(store)
    house.make_job()
    house.check_in("success", "acme")
    house.pass_time(4000)

    def keeper_after(actor: str, owner: int | None = None) -> str:
        deed = Deed(house.ids, micros(house.now), house.workspace_id, incident, actor)
        with store.write() as connection:
            attending.acknowledge(connection, deed, None, owner)
        with store.read() as connection:
            return str(views.wrong_now(connection, house.workspace_id, 5)["items"][0]["keeper"])

    with store.write() as connection:
        mara = accounts.create_user(connection, house.ids, micros(0), "mara@example.com", "", "Mara")["id"]
        accounts.create_user(connection, house.ids, micros(0), "else@example.com", "", "Elsewhere")
        accounts.join(connection, micros(0), house.workspace_id, mara, "member")
        incident = house.rows(incidents)[0].id
        assert views.wrong_now(connection, house.workspace_id, 5)["items"][0]["keeper"] == ""
    assert keeper_after("a key of ours") == "a key of ours"
    assert keeper_after("mara@example.com") == "Mara"
    assert keeper_after("a key of ours", mara) == "Mara"
    assert keeper_after("else@example.com") == "else@example.com"  # no member: their name is nobody's business here


def test_runs_in_progress_by_job_beside_their_usual_length(store: Store) -> None:
    house = House(store)
    house.make_job(max_runtime=90_000 * SECOND)
    for moment, seconds in ((100, 10), (4000, 30), (8000, 20)):
        house.pass_time(moment)
        house.check_in("success", duration=seconds)
    house.pass_time(9000)
    house.check_in("start", "acme")
    house.check_in("start", "bolt")
    with store.read() as connection:
        running = views.in_progress(connection, house.workspace_id, micros(9100))
    assert running["total"] == 2
    (job,) = running["items"]
    assert (job["tenants"], job["began_at"], job["usual"]) == (2, micros(9000), 20 * SECOND)


def test_another_workspace_sees_nothing_of_it(store: Store) -> None:
    house = House(store)
    other = House(store, house.ids)
    house.make_job()
    house.check_in("success", "acme")
    house.pass_time(5000)
    with store.read() as connection:
        at = micros(5000)
        assert views.wrong_now(connection, other.workspace_id, 5) == {
            "items": [],
            "open": 0,
            "recovering": 0,
            "since": None,
        }
        assert views.late_now(connection, other.workspace_id, at)["total"] == 0
        assert views.in_progress(connection, other.workspace_id, at)["total"] == 0
        assert views.tenant_states(connection, other.workspace_id, at)["total"] == 0
