"""Can the portal do its work: asked by `/readyz` and by `manage.py doctor`."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def pending_migrations() -> int:
    """How many are not applied. Raises DatabaseError when the database does not answer."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
