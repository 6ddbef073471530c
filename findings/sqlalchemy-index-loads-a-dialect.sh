#!/usr/bin/env bash
# SQLAlchemy 2.1.9 loads PostgreSQL's whole dialect as soon as an index names an option for it.
#
# `Index(..., postgresql_where=...)` makes the option available to PostgreSQL and costs other databases nothing, one would
# think. But the name is checked against the dialect, which is imported for that: 19 modules more, in a program that only
# ever opens a SQLite file. `sqlite_where` loads SQLite's dialect in the same way.
# Seen with Python 3.11: "before: none; sqlite_where: sqlite; postgresql_where: postgresql, sqlite (19 modules)".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check sqlalchemy==2.1.9
venv/bin/python - <<'PYTHON'
import sys

from sqlalchemy import Column, Index, Integer, MetaData, Table


def dialects() -> str:
    names = {name.split(".")[2] for name in sys.modules if name.startswith("sqlalchemy.dialects.")}
    return ", ".join(sorted(names & {"sqlite", "postgresql", "mysql"})) or "none"


play = Table("play", MetaData(), Column("at", Integer))
seen = [dialects()]
Index("later", play.c.at, sqlite_where=play.c.at > 0)
seen.append(dialects())
before = len(sys.modules)
Index("latest", play.c.at, postgresql_where=play.c.at > 0)
seen.append(dialects())
more = len(sys.modules) - before
print(f"before: {seen[0]}; sqlite_where: {seen[1]}; postgresql_where: {seen[2]} ({more} modules)")
assert seen == ["none", "sqlite", "postgresql, sqlite"], "SQLAlchemy has changed"
assert more > 10, "SQLAlchemy has changed"
PYTHON
