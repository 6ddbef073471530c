"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Recorded bodies and real plays: not part of the product, so a test that needs them may be skipped."""
    folder = Path(os.environ.get("TONEARM_TEST_DATA", ROOT.parent / "shared"))
    if not (folder / "recorded").is_dir():
        pytest.skip(f"no test data at {folder} (set TONEARM_TEST_DATA)")
    return folder
