"""What is remembered of names, and forgotten with a listener's data."""

from __future__ import annotations

from tonearm.core.name_caches import forget_names, remembering


def test_a_name_is_worked_out_once_until_all_names_are_forgotten() -> None:
    asked = []

    @remembering(2)
    def read(name: str) -> str:
        asked.append(name)
        return name.upper()

    assert [read(name) for name in ("nina", "can", "nina")] == ["NINA", "CAN", "NINA"]
    assert asked == ["nina", "can"]
    forget_names()
    assert read("nina") == "NINA"
    assert asked == ["nina", "can", "nina"]


def test_no_more_names_are_remembered_than_wanted() -> None:
    read = remembering(2)(str.upper)
    for name in ("nina", "can", "low"):
        read(name)
    assert read.cache_info().currsize == 2
