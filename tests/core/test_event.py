"""The events are promised to hosts by name and field."""

from __future__ import annotations

import pytest

from tonearm.core.event import (
    AuthChanged,
    Event,
    ImportProgress,
    NowPlayingShown,
    QueueUpdated,
    ScrobbleStatus,
    data,
)


@pytest.mark.parametrize(
    ("event", "kind", "fields"),
    [
        (AuthChanged("connected", "RJ"), "lastfm:auth", {"state": "connected", "username": "RJ"}),
        (
            NowPlayingShown("a", "t", "al", 200.5, 1000.0, "success"),
            "lastfm:now-playing",
            {
                "artist": "a",
                "track": "t",
                "album": "al",
                "duration": 200.5,
                "started_at": 1000.0,
                "status": "success",
            },
        ),
        (
            ScrobbleStatus(7, "accepted", "a", "t", "on Last.fm"),
            "lastfm:scrobble-status",
            {"id": 7, "status": "accepted", "artist": "a", "track": "t", "message": "on Last.fm"},
        ),
        (QueueUpdated(3), "lastfm:queue-updated", {"queued_count": 3}),
        (ImportProgress(1, 50, 100), "lastfm:import-progress", {"job": 1, "done": 50, "total": 100}),
    ],
)
def test_an_event_is_sent_under_its_name_with_its_fields(event: Event, kind: str, fields: dict[str, object]) -> None:
    assert event.kind == kind
    assert data(event) == fields
