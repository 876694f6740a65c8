import stat
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tocsin.key_file import locked, new_key, read_or_make, replace
from tocsin.secret_box import SecretBox, SecretError, UnknownKeyError

CONTEXT = "channels|1|config"


def test_the_key_file_is_made_on_first_start_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret.key"
    box = SecretBox.open(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SecretBox.open(path).fingerprint == box.fingerprint
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        boxes = list(pool.map(lambda _: SecretBox.open(tmp_path / "secret.key"), range(32)))
    assert len({box.fingerprint for box in boxes}) == 1


def test_what_is_sealed_is_opened_only_in_its_own_context() -> None:
    box = SecretBox([b"k" * 32])
    sealed = box.encrypt(b"token", CONTEXT)
    assert b"token" not in sealed
    assert box.encrypt(b"token", CONTEXT) != sealed
    assert box.decrypt(sealed, CONTEXT) == b"token"
    with pytest.raises(SecretError, match="does not belong to its row"):
        box.decrypt(sealed, "channels|2|config")


@pytest.mark.parametrize("position", [0, 2, 8, 20, -1])
def test_an_altered_value_is_refused(position: int) -> None:
    box = SecretBox([b"k" * 32])
    sealed = bytearray(box.encrypt(b"token", CONTEXT))
    sealed[position] ^= 1
    with pytest.raises(SecretError):
        box.decrypt(bytes(sealed), CONTEXT)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01abcd", b"\x01" * 20])
def test_what_was_never_sealed_is_refused(sealed: bytes) -> None:
    with pytest.raises(SecretError):
        SecretBox([b"k" * 32]).decrypt(sealed, CONTEXT)


def test_a_new_key_on_top_of_the_file_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    old = SecretBox.open(path)
    sealed, fingerprint, signing_key = old.encrypt(b"token", CONTEXT), old.fingerprint, old.signing_key
    stale = SecretBox(read_or_make(path))
    path.write_bytes(b64encode(b"n" * 32) + b"  # the new one\n\n# the old one:\n" + path.read_bytes())
    both = SecretBox.open(path)
    assert both.decrypt(sealed, CONTEXT) == b"token"
    assert both.fingerprints == (both.fingerprint, fingerprint)
    assert both.signing_keys == (both.signing_key, signing_key)
    assert both.encrypt(b"x", CONTEXT).startswith(both.current_head)
    with pytest.raises(UnknownKeyError, match="not in the secret key file"):
        stale.decrypt(both.encrypt(b"token", CONTEXT), CONTEXT)


def test_a_box_notices_that_its_file_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    box = SecretBox.open(path)
    before, sealed = box.fingerprint, box.encrypt(b"token", CONTEXT)
    keys = [new_key(), *read_or_make(path)]
    replace(path, [(key, "of the test") for key in keys])
    assert box.fingerprints == (SecretBox(keys).fingerprint, before)
    assert box.decrypt(SecretBox(keys).encrypt(b"new", CONTEXT), CONTEXT) == b"new"
    assert box.decrypt(sealed, CONTEXT) == b"token"


@pytest.mark.parametrize("text", ["", "c2hvcnQ=", "not base64!"])
def test_a_box_goes_on_with_what_it_has_where_its_file_is_spoilt(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret.key"
    box = SecretBox.open(path)
    before = box.fingerprint
    path.write_text(text)
    assert box.fingerprint == before
    path.unlink()
    assert box.fingerprint == before


def test_a_replaced_file_keeps_its_mode_and_its_place(tmp_path: Path) -> None:
    path, link = tmp_path / "kept" / "secret.key", tmp_path / "link"
    SecretBox.open(path)
    path.chmod(0o640)
    link.symlink_to(path)
    keys = [new_key(), new_key()]
    replace(link, [(key, "key") for key in keys])
    assert link.is_symlink()
    assert read_or_make(path) == keys
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_one_at_a_time_changes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    with locked(path), pytest.raises(SecretError, match="another process"), locked(path):
        pass
    with locked(path):
        pass


def test_the_signing_key_is_none_of_the_others() -> None:
    box = SecretBox([b"k" * 32])
    assert len(box.signing_key) == 32
    assert box.signing_key.hex()[:32] != box.fingerprint
    assert box.signing_key != b"k" * 32


@pytest.mark.parametrize("text", ["", "not base64!", "c2hvcnQ=", "\xff"])
def test_a_file_that_is_no_key_is_named_in_the_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SecretError, match=r"secret\.key"):
        SecretBox.open(path)
