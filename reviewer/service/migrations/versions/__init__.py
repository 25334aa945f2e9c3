"""The history of the service's tables, applied by Alembic."""
