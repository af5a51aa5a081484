"""Alembic runs the migrations inside the transaction of `migrate.prepare`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
