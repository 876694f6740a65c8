"""Rules of the house that no linter knows. Who may import whom is in pyproject.toml (import-linter)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tocsin"
MODULES = sorted(SOURCE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MOST_LINES_OF_FILE = 300
MOST_LINES_OF_FUNCTION = 60
MEDIAN_LINES_OF_FUNCTION = 8

_SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|INDEX))\b", re.DOTALL
)
_UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X|NotImplemented[E]rror)\b")
_MACHINE = re.compile(r"(?<![\w.])/(work|farm)/|\.\./shared\b")
_REGISTRIES = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian\.org")

#: Who opens transactions that see every workspace, and why; all others say `store.of(workspace_id)`.
_FOR_ALL_WORKSPACES = {
    "application/backup.py": "everything, into one file and back",
    "api/calls.py": "finds out whose a credential is; users' own affairs",
    "api/sign_in.py": "users belong to several workspaces",
    "api/routes/auth.py": "users belong to several workspaces",
    "api/routes/members.py": "who accepts an invitation is no member yet",
    "api/routes/password.py": "users belong to several workspaces",
    "api/routes/totp.py": "users belong to several workspaces",
    "api/routes/workspaces.py": "a user makes another workspace",
    "application/keys.py": "when keys were last used, once a minute for all",
    "application/login_throttle.py": "who fails to log in is in no workspace",
    "application/password_links.py": "users belong to several workspaces",
    "application/prune.py": "retention, of all workspaces by turns",
    "application/request_rate.py": "the rate of a token that is scoped to none",
    "application/tally.py": "counts what has ended, for all",
    "application/rotate_secrets.py": "a new secret key, for everything",
    "bootstrap.py": "the first start; figures of the whole installation",
    "cli/user.py": "the operator's command",
    "dashboard/opening.py": "finds out whose a cookie is",
    "dashboard/pages/people.py": "users belong to several workspaces",
    "dashboard/pages/public.py": "whose a link is, it finds by its token",
    "delivery/worker.py": "sends everybody's alerts",
    "ingest/addresses.py": "finds out whose a ping's address is",
    "ingest/http.py": "finds out whose a key is",
    "ingest/node.py": "a node serves all",
    "ingest/pingguard_monitors.py": "finds out whose a key is",
    "ingest/pruner.py": "retention, of all workspaces by turns",
    "ingest/pulse.py": "the recorder and the tick",
    "ingest/sentry_http.py": "finds out whose a DSN is",
    "ingest/ticker.py": "the tick",
}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _texts() -> Iterator[Path]:
    for folder in ("src", "tests", "bench", "docs", "requirements", ".ci"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    yield from (path for path in ROOT.iterdir() if path.suffix in {".md", ".toml"} or path.name == "Makefile")


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_file_can_be_read_in_one_go(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES_OF_FILE


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_function_can_be_seen_in_one_go(path: Path) -> None:
    assert [found for found in _functions(path) if found[1] > MOST_LINES_OF_FUNCTION] == []


def test_most_functions_are_short() -> None:
    assert median(lines for path in MODULES for _, lines in _functions(path)) <= MEDIAN_LINES_OF_FUNCTION


@pytest.mark.parametrize("path", [path for path in MODULES if SOURCE / "store" not in path.parents], ids=_name)
def test_only_the_store_speaks_sql(path: Path) -> None:
    tree = ast.parse(path.read_text())
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert [text for text in texts if _SQL.search(text)] == []


def test_who_works_for_one_workspace_sees_no_other() -> None:
    beside = {SOURCE / "store", SOURCE / "scenario"}
    found = {str(path.relative_to(SOURCE)) for path in MODULES if not beside & set(path.parents) and _serves_all(path)}
    assert found == _FOR_ALL_WORKSPACES.keys()


def _serves_all(path: Path) -> bool:
    """Whether it opens transactions of a whole store, or hands that on to who does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        is_opening = isinstance(node.func, ast.Attribute) and node.func.attr in {"read", "write", "own_session"}
        asked = [node.func.value] if is_opening and isinstance(node.func, ast.Attribute) else []
        if isinstance(node.func, ast.Name) and node.func.id in {"write_with_retries", "prune"}:
            asked = node.args[:1]
        given = asked + [keyword.value for keyword in node.keywords if keyword.arg == "store"]
        if any(_is_whole_store(one) for one in given):
            return True
    return False


def _is_whole_store(node: ast.expr) -> bool:
    """`store`, `self._store`, `services.store`; a call's own `store` is its workspace's."""
    if isinstance(node, ast.Attribute) and node.attr == "store":
        return not (isinstance(node.value, ast.Name) and node.value.id == "call")
    named = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return named in {"store", "_store"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=_name)
def test_nothing_is_left_unfinished(path: Path) -> None:
    assert _UNFINISHED.findall(path.read_text()) == []


def test_nothing_names_this_machine_or_a_package_registry() -> None:
    texts = {_name(path): path.read_text(errors="replace") for path in _texts()}
    assert [name for name, text in texts.items() if _MACHINE.search(text) or _REGISTRIES.search(text)] == []


def test_unit_tests_do_not_sleep() -> None:
    asleep = [
        _name(path)
        for path in TESTS
        if not {"acceptance", "support"} & set(path.parts)
        and re.search(r"\b(time|asyncio)\.sleep\([^0)]", path.read_text())
    ]
    assert asleep == []
