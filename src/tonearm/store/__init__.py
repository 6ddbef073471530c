"""SQL, and nothing but: one schema for SQLite and PostgreSQL, and functions that take a connection."""
