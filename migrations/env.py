"""What Alembic runs at each command; app/platform/migrations.py hands over a connection, and what the command needs."""

from alembic import context

handed_over = context.config.attributes

context.configure(
    connection=handed_over["connection"],
    target_metadata=handed_over.get("metadata"),
    include_object=handed_over.get("is_compared"),
    compare_server_default=True,
    on_version_apply=handed_over.get("report"),
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
