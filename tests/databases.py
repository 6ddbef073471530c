"""Which databases a test is about, where it is not about both."""

from __future__ import annotations

import pytest

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
only_postgres = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
