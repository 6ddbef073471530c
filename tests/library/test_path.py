"""Paths are kept as text and come back to the byte."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.library.path import on_disk, stored


@given(st.binary().map(lambda name: os.fsdecode(b"/" + name)))
def test_every_path_comes_back_and_can_be_stored(path: str) -> None:
    assert on_disk(stored(path)) == path
    stored(path).encode()


@pytest.mark.parametrize("path", ["/music/Sigur Rós/日本 100%.mp3", "/music/file://x.mp3"])
def test_an_ordinary_path_is_kept_as_it_is(path: str) -> None:
    assert stored(path) == path


def test_a_name_in_another_encoding_is_kept_as_an_uri() -> None:
    assert stored(os.fsdecode(b"/music/caf\xe9 1.mp3")) == "file:///music/caf%E9%201.mp3"
