"""For the tests of every room."""

from __future__ import annotations

import gc
import itertools
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from emptied_database import EmptiedDatabase
from hypothesis import settings
from ledger_pool import LedgerPool
from names_of_tests import unsteady, value_in_name
from rewritten_tests import rewrite_share, share_of
from route_definitions import GOOD, Write
from shared_statements import share_statements
from xdist.remote import Producer
from xdist_groups import Distribution, Shared, group_of, longest_first

# No test judges speed: on a busy machine the first example, which imports what it needs, takes longer than 200 ms.
settings.register_profile("untimed", deadline=None, print_blob=True)
settings.load_profile("untimed")
share_statements()

# What is loaded and collected stays: to look through it again and again for garbage took a quarter of the collection.
gc.disable()

SHARED = pytest.StashKey[Shared]()


def pytest_configure(config: pytest.Config) -> None:
    if worker := getattr(config, "workerinput", None):
        files = [file for name in ("test_*.py", "conftest.py") for file in Path(__file__).parent.rglob(name)]
        rewrite_share(config, share_of(worker["workerid"], worker["workercount"], files))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Distribution | None:
    return Distribution(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if found := unsteady(item.nodeid for item in items):
        raise pytest.UsageError(f"each worker would name {found[0]} differently: give the parameter an id of its own")
    longest_first(items)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if SHARED in item.config.stash and (nextitem is None or group_of(nextitem) != group_of(item)):
        item.config.stash[SHARED].end()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Also where the run was interrupted before a test's teardown."""
    if SHARED in session.config.stash:
        session.config.stash[SHARED].end()


@pytest.fixture(scope="session")
def shared(pytestconfig: pytest.Config) -> Shared:
    """What the tests of one xdist group share. It is ended behind the last of them."""
    return pytestconfig.stash.setdefault(SHARED, Shared())


FOLDERS = itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder of the test's own, which stays, as pytest's is and does.

    To find a number that is free pytest looks at all folders that there are: behind two thousand tests that takes two
    milliseconds of the CPU's time, and eight thousand tests have a folder.
    """
    name = re.sub(r"\W", "_", request.node.name)[:30]
    path = tmp_path_factory.getbasetemp() / f"{name}-{next(FOLDERS)}"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture(scope="session")
def ledger_pool() -> Iterator[LedgerPool]:
    pool = LedgerPool()
    yield pool
    pool.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty ledger of its own, on each database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    pool: LedgerPool = request.getfixturevalue("ledger_pool")
    with pool.lend() as url:
        yield url


def pytest_make_parametrize_id(val: object) -> str | None:
    return value_in_name(val)


@pytest.fixture
def good() -> str:
    """A valid route file that uses most of the language."""
    return GOOD


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A routes folder with the files that the good route names."""
    folder = tmp_path / "routes"
    write_files(
        folder,
        {
            "lookups/tax.csv": "country,code\nES,S1\n",
            "schemas/order.json": '{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}',
        },
    )
    return folder


@pytest.fixture
def write(root: Path) -> Write:
    """Writes files below the routes folder."""

    def files(texts: dict[str, str]) -> Path:
        return write_files(root, texts)

    return files


def write_files(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


ADMIN_MARIADB = os.environ.get("TEST_MARIADB_URL", "mysql+pymysql://root@127.0.0.1:3306")
DATABASES = ("sqlite", "postgresql", "mariadb")


@pytest.fixture(scope="session")
def emptied_database() -> Iterator[EmptiedDatabase]:
    made = EmptiedDatabase()
    yield made
    made.close()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database that is no ledger, on each of those that routes read and write here."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'database.db'}"
        return
    if request.param == "postgresql":
        emptied: EmptiedDatabase = request.getfixturevalue("emptied_database")
        with emptied.lend() as url:
            yield url
        return
    sqlalchemy = pytest.importorskip("sqlalchemy")
    name = f"integrations_{secrets.token_hex(4)}"
    admin = sqlalchemy.create_engine(ADMIN_MARIADB, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.pool.NullPool)
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sqlalchemy.exc.OperationalError as error:
        missing = f"no MariaDB at {ADMIN_MARIADB} (TEST_MARIADB_URL names another): {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    yield str(admin.url.set(database=name).render_as_string(hide_password=False))
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
