"""A new key while everything is in use, ended at any moment, on both engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.support.alerting import NOON, Desk
from tests.support.people import code_of
from tocsin.application import second_factor
from tocsin.application.accounts import create_user
from tocsin.application.installation import WrongKeyError, begin, check_key
from tocsin.application.repetition import Answer, Repetition
from tocsin.application.rotate_secrets import RotationError, add_key, forget_old_keys, rotate
from tocsin.domain.ids import IdMaker
from tocsin.key_file import read_or_make
from tocsin.secret_box import SecretBox, SecretError
from tocsin.store.accounts import user_of
from tocsin.store.engine import Connection, Store
from tocsin.store.idempotency import Scope
from tocsin.store.schema import channels, metadata
from tocsin.store.sealed import SEALED, SLICE

CONFIGS = 3


def _no_pause() -> None:
    """In tests no transaction is under way."""


class House:
    """An installation with sealed channels and remembered answers; `path` is its key file."""

    def __init__(self, store: Store, folder: Path, answers: int = 2) -> None:
        self.store, self.path = store, folder / "secret.key"
        self.ids = IdMaker()
        self.box = SecretBox.open(self.path)
        with store.write() as connection:
            check_key(connection, self.box.fingerprints)
            begin(connection, self.ids, NOON)
            desk = Desk(connection, self.ids)
            self.workspace = desk.workspace()
            self.channels = [desk.channel(self.workspace, name=f"c{number}") for number in range(CONFIGS)]
            for channel in self.channels:
                sealed = self.box.encrypt(b"config", f"channels|{channel}|config")
                connection.execute(update(channels).where(channels.c.id == channel).values(config=sealed))
            self.scopes = [Scope(self.workspace, "POST /x|y", f"key {number}") for number in range(answers)]
            for scope in self.scopes:
                self._repetition(scope).claim(connection, NOON)
                self._repetition(scope).remember(connection, Answer(201, b"answer"))

    def _repetition(self, scope: Scope, box: SecretBox | None = None) -> Repetition:
        return Repetition(box or self.box, scope, "hash")

    def read_all(self, box: SecretBox) -> None:
        """Everything opens with this box, by the ways the application takes."""
        with self.store.write() as connection:
            for row in connection.execute(select(channels.c.id, channels.c.config)):
                assert box.decrypt(row.config, f"channels|{row.id}|config") == b"config"
            for scope in self.scopes:
                assert self._repetition(scope, box).claim(connection, NOON) == Answer(201, b"answer")


#: Of a rotation: to begin, to go through every sealed column twice, to finish.
_COMMITS = 2 + 2 * len(SEALED)


class KilledError(Exception):
    pass


class Mortal:
    """A store whose process is killed at its n-th write: before the commit, or just after."""

    def __init__(self, store: Store, dies_at: int, *, after_commit: bool) -> None:
        self._store, self._left, self._after_commit = store, dies_at, after_commit
        self.read = store.read

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._left -= 1
        with self._store.write() as connection:
            yield connection
            if self._left < 0 and not self._after_commit:
                raise KilledError
        if self._left < 0:
            raise KilledError


def test_all_is_sealed_with_the_new_key_and_nothing_with_the_old(store: Store, tmp_path: Path) -> None:
    house = House(store, tmp_path)
    old = SecretBox(read_or_make(house.path))
    done = rotate(store, house.path, _no_pause)
    assert (done.was_begun, done.resealed, done.unreadable) == (False, CONFIGS + 2, 0)
    new, kept = read_or_make(house.path)
    house.read_all(SecretBox([new]))
    with pytest.raises(SecretError):
        house.read_all(SecretBox([kept]))
    house.read_all(house.box)  # which was open all the time, and seals with the new key now
    assert house.box.fingerprint == SecretBox([new]).fingerprint != old.fingerprint


def test_nodes_start_with_the_keys_they_need_and_no_others(store: Store, tmp_path: Path) -> None:
    house = House(store, tmp_path)
    old = SecretBox(read_or_make(house.path))
    add_key(store, house.path)
    both = SecretBox.open(house.path)
    new = SecretBox(read_or_make(house.path)[:1])
    with store.write() as connection:
        check_key(connection, both.fingerprints)
        for lacking in (old, new):
            with pytest.raises(WrongKeyError):
                check_key(connection, lacking.fingerprints)
    rotate(store, house.path, _no_pause)
    with store.write() as connection:
        check_key(connection, both.fingerprints)
        check_key(connection, new.fingerprints)
        with pytest.raises(WrongKeyError):
            check_key(connection, old.fingerprints)


@pytest.mark.parametrize("after_commit", [False, True])
@pytest.mark.parametrize("dies_at", range(_COMMITS))
def test_it_may_be_killed_at_any_moment(store: Store, tmp_path: Path, dies_at: int, after_commit: bool) -> None:
    house = House(store, tmp_path)
    with pytest.raises(KilledError):
        rotate(Mortal(store, dies_at, after_commit=after_commit), house.path, _no_pause)  # type: ignore[arg-type]
    house.read_all(house.box)
    house.read_all(SecretBox.open(house.path))
    with store.write() as connection:
        check_key(connection, SecretBox.open(house.path).fingerprints)
    keys = len(read_or_make(house.path))
    rotate(store, house.path, _no_pause)
    is_over = (
        dies_at == _COMMITS - 1 and after_commit
    )  # it was killed when all was done: the next one is a rotation of its own
    assert len(read_or_make(house.path)) == keys + is_over
    house.read_all(SecretBox(read_or_make(house.path)[:1]))


def test_no_write_comes_after_those_that_may_kill(sqlite_store: Store, tmp_path: Path) -> None:
    house = House(sqlite_store, tmp_path)
    rotate(Mortal(sqlite_store, _COMMITS, after_commit=True), house.path, _no_pause)  # type: ignore[arg-type]


def test_second_factors_go_on(store: Store, tmp_path: Path) -> None:
    house = House(store, tmp_path)
    with store.write() as connection:
        user = create_user(connection, house.ids, NOON, "anna@example.com", "hash", "Anna")
        made = second_factor.enrol(connection, house.box, user)
    rotate(store, house.path, _no_pause)
    current = SecretBox(read_or_make(house.path)[:1])
    with store.write() as connection:
        enrolled = user_of(connection, user["id"])
        assert second_factor.confirm(connection, current, NOON, enrolled, code_of(made.secret, NOON))


def test_many_are_done_in_slices(store: Store, tmp_path: Path) -> None:
    house = House(store, tmp_path, answers=2 * SLICE + 1)
    assert rotate(store, house.path, _no_pause).resealed == CONFIGS + 2 * SLICE + 1
    house.read_all(SecretBox(read_or_make(house.path)[:1]))


def test_what_is_sealed_meanwhile_with_the_old_key_is_found(store: Store, tmp_path: Path) -> None:
    house = House(store, tmp_path)
    old = SecretBox(read_or_make(house.path))

    def slow_transaction() -> None:
        with store.write() as connection:
            sealed = old.encrypt(b"config", f"channels|{house.channels[0]}|config")
            connection.execute(update(channels).where(channels.c.id == house.channels[0]).values(config=sealed))

    assert rotate(store, house.path, slow_transaction).resealed == CONFIGS + 2 + 1
    house.read_all(SecretBox(read_or_make(house.path)[:1]))


def test_what_cannot_be_opened_is_left_and_counted(store: Store, tmp_path: Path) -> None:
    house = House(store, tmp_path)
    strange = b"\x01" + b"?" * 60
    with store.write() as connection:
        Desk(connection, house.ids).channel(house.workspace, name="strange", config=strange)
    done = rotate(store, house.path, _no_pause)
    assert (done.resealed, done.unreadable) == (CONFIGS + 2, 1)
    with store.read() as connection:
        assert strange in [bytes(config) for config in connection.execute(select(channels.c.config)).scalars()]


def test_old_keys_are_forgotten_when_nothing_needs_them(store: Store, tmp_path: Path) -> None:
    house = House(store, tmp_path)
    add_key(store, house.path)
    with pytest.raises(RotationError, match="under way"):
        forget_old_keys(store, house.path)
    rotate(store, house.path, _no_pause)
    late = SecretBox(read_or_make(house.path)[1:]).encrypt(b"config", f"channels|{house.channels[0]}|config")
    with store.write() as connection:
        connection.execute(update(channels).where(channels.c.id == house.channels[0]).values(config=late))
    assert forget_old_keys(store, house.path) == 1
    assert len(read_or_make(house.path)) == 1
    house.read_all(house.box)


def test_adding_a_key_twice_adds_one(store: Store, tmp_path: Path) -> None:
    house = House(store, tmp_path)
    assert add_key(store, house.path) == add_key(store, house.path)
    assert len(read_or_make(house.path)) == 2
    done = rotate(store, house.path, _no_pause)
    assert done.was_begun
    assert len(read_or_make(house.path)) == 2


def test_a_second_node_with_a_file_of_its_own_makes_no_second_key(store: Store, tmp_path: Path) -> None:
    house = House(store, tmp_path)
    other = tmp_path / "other.key"
    other.write_bytes(house.path.read_bytes())
    add_key(store, house.path)
    with pytest.raises(RotationError, match="Copy the key file from the node"):
        rotate(store, other, _no_pause)
    assert len(read_or_make(other)) == 1
    other.write_bytes(house.path.read_bytes())
    assert rotate(store, other, _no_pause).was_begun


def test_another_installations_file_is_refused(store: Store, tmp_path: Path) -> None:
    House(store, tmp_path)
    with pytest.raises(RotationError, match="not the one of this database"):
        rotate(store, tmp_path / "strange.key", _no_pause)
    assert len(read_or_make(tmp_path / "strange.key")) == 1


def test_a_database_that_was_never_served_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(RotationError, match="never served"):
        rotate(store, tmp_path / "secret.key", _no_pause)


def test_every_column_of_sealed_bytes_is_known() -> None:
    """Binary columns are the sealed ones; whoever adds one adds it to SEALED."""
    binary = {(table.name, column.name) for table in metadata.tables.values() for column in table.columns
              if column.type.__class__.__name__ == "LargeBinary"}  # fmt: skip
    assert binary <= {(sealed.table.name, sealed.column.name) for sealed in SEALED}
