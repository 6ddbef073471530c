"""Whatever answers, and however: a verdict, and words without a line break or the key."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.listenbrainz.plays import TOKEN
from tests.listenbrainz.test_any_answer import HEADERS, URL, VALUES, good
from tonearm.core.verdict import Answered
from tonearm.http_exchange import Reply
from tonearm.maloja import answer

ERRORS = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from(["duplicate_timestamp", "authentication_fail", "x"]), "desc": VALUES}
)
MEMBERS = st.fixed_dictionaries(
    {}, optional={"status": st.just("success") | VALUES, "error": ERRORS | VALUES, "warnings": VALUES}
)
REPLIES = st.builds(
    Reply, st.integers(100, 599), HEADERS, st.binary() | MEMBERS.map(lambda found: json.dumps(found).encode())
)


@given(REPLIES)
def test_any_answer_to_a_play_is_a_verdict(reply: Reply) -> None:
    verdict = answer.verdict_on(reply, TOKEN, URL)
    if isinstance(verdict, Answered):
        (item,) = verdict.items
        assert good(item.message)
        assert item.ignored_code or json.loads(reply.body)["status"] == "success"
    else:
        assert good(str(verdict.cause))


@given(REPLIES)
def test_any_answer_about_a_key_is_good_or_a_trouble(reply: Reply) -> None:
    found = answer.key_check(reply, TOKEN, URL)
    assert good(found.trouble)
    assert bool(found.trouble) or reply.status == 400
