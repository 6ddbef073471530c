"""Alembic's entry: migrations run on the connection, and in the transaction, that they are given."""

from alembic import context

from tonearm.store.db.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
