"""A real PostgreSQL for the tests that need one, from the ``pgserver`` wheel; no installation, no root."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """The folder of a running server's socket; skips, with the reason, where none can be started."""
    pgserver = pytest.importorskip("pgserver", reason="the pgserver wheel is not installed")
    # PostgreSQL refuses to run as root; nobody is an account every Unix has, so nothing needs to be created.
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="plumbline-pg-"))
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    data = folder / "data"
    try:
        pgserver.initdb(
            ["--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres"], pgdata=data, user=user, cwd=folder
        )
        options = f'-h "" -k {folder} -F'
        pgserver.pg_ctl(["-w", "-l", str(folder / "log"), "-o", options, "start"], pgdata=data, user=user, cwd=folder)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL cannot start here: {error}")
    yield folder
    pgserver.pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=data, user=user, cwd=folder)
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: Path) -> str:
    """The URL of a new, empty database."""
    name = f"store_{uuid4().hex[:12]}"
    with psycopg.connect(host=str(postgres_server), user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://postgres@/{name}?host={postgres_server}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty store: once in SQLite, once in PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/plumbline.db"
    return request.getfixturevalue("postgres_url")
