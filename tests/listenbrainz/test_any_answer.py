"""Whatever answers, and however: a verdict, and words without a line break or the token."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.listenbrainz.plays import TOKEN
from tonearm.core.verdict import Answered, Verdict
from tonearm.http_exchange import Reply, members
from tonearm.listenbrainz import answer

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["ok", TOKEN, "too high"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "error", "code"]), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(["status", "error", "message", "code", "valid", "user_name", "recording_mbid"])
BODIES = st.binary() | st.dictionaries(NAMES, VALUES).map(lambda members: json.dumps(members).encode())
HEADERS = st.dictionaries(
    st.sampled_from(["date", "age", "location", "retry-after", "x-ratelimit-reset-in", "x-ratelimit-remaining"]),
    st.text() | st.sampled_from(["0", "-1", "1e999", "nan", "https://[", "https://a.example/", "Tue, 99 Foo 2023"]),
)
REPLIES = st.builds(Reply, st.integers(100, 599), HEADERS, BODIES)
URL = "http://music.example/x"


def good(words: str) -> bool:
    return TOKEN not in words and words.isprintable()


@given(REPLIES, st.integers(1, 100))
def test_any_answer_to_a_write_is_a_verdict(reply: Reply, sent: int) -> None:
    verdict: Verdict = answer.verdict_on(reply, sent, TOKEN, URL, "ListenBrainz")
    if isinstance(verdict, Answered):
        assert len(verdict.items) == sent
        accepted: Any = json.loads(reply.body)
        assert all(item.ignored_code for item in verdict.items) or accepted["status"] == "ok"
    else:
        assert good(str(verdict.cause))


@given(REPLIES)
def test_any_answer_about_a_token_is_a_user_or_a_trouble(reply: Reply) -> None:
    found = answer.token_check(reply, TOKEN, URL, "ListenBrainz")
    assert good(found.trouble)
    assert good(found.user)
    if not found.trouble:
        assert members(reply.body)["valid"] is True  # type: ignore[index]


@given(REPLIES)
def test_any_answer_to_a_look_up_is_an_mbid_or_none(reply: Reply) -> None:
    found = answer.recording_of(reply)
    assert found in ("", None) or len(found) == 36
