"""Alembic runs this to apply migrations over the connection that `migrate.upgrade` has opened."""

from __future__ import annotations

from alembic import context

from backend.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=True,
    # The caller's transaction holds every step: a failure leaves the database as it was.
    transaction_per_migration=False,
)
context.run_migrations()
