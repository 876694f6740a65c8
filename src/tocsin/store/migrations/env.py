"""What Alembic runs. The connection, with its transaction, comes from `migrate`."""

from alembic import context

from tocsin.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
