"""SQL and nothing else: one schema for SQLite and PostgreSQL, and functions that take a connection."""
