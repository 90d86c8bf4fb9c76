"""Bring a database to the tables of this release, in one transaction, one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine, text

from backend.store.base import StoreError
from backend.store.database import writing

FOLDER = Path(__file__).resolve().parent / "migrations"
# Any number, as long as it stays the same: services that start together wait for each other here.
LOCK = 7_314_002


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply what is missing; an empty database gets every table."""
    config = configuration()
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as problem:
            raise StoreError(
                f"the database was written by another release ({problem}); "
                "start that release, or restore a backup"
            ) from None


def configuration() -> Config:
    """Return Alembic's configuration; there is no file."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def newest() -> str:
    """Return the revision of this release."""
    return ScriptDirectory.from_config(configuration()).get_current_head() or ""
