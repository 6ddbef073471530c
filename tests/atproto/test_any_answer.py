"""Whatever answers, and however: a verdict, and words without a line break or the password."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.listenbrainz.plays import TOKEN
from tests.listenbrainz.test_any_answer import HEADERS, URL, VALUES, good
from tonearm.atproto import answer
from tonearm.core.verdict import Answered
from tonearm.http_exchange import Reply

JWT = st.sampled_from(["a.b.c", "x", "", "a b", "e30.eyJzY29wZSI6MX0.x", "e30.bnVsbA.x"])
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "error": st.sampled_from(["ExpiredToken", "InvalidSwap", "AccountDeactivated", "InvalidRequest"]) | VALUES,
        "message": VALUES,
        "uri": st.just("at://x/y/z") | VALUES,
        "did": st.just("did:plc:x") | VALUES,
        "handle": VALUES,
        "accessJwt": JWT | VALUES,
    },
)
REPLIES = st.builds(
    Reply, st.integers(100, 599), HEADERS, st.binary() | MEMBERS.map(lambda found: json.dumps(found).encode())
)


@given(REPLIES)
def test_any_answer_to_a_record_is_a_verdict(reply: Reply) -> None:
    verdict = answer.verdict_on(reply, [TOKEN], URL, "teal.fm")
    if isinstance(verdict, Answered):
        assert 200 <= reply.status < 300
        assert json.loads(reply.body)["uri"] is not None
    else:
        assert good(str(verdict.cause))
    answer.session_over(reply)


@given(REPLIES)
def test_any_answer_to_a_sign_in_is_a_session_or_a_reason(reply: Reply) -> None:
    session = answer.session_of(reply)
    found = answer.check(reply, [TOKEN], URL, "teal.fm")
    assert good(found.trouble)
    assert bool(found.trouble) or (session is not None and found.user in (session.handle, session.did))
    if session is None:
        verdict = answer.why_no_session(reply, [TOKEN], URL, "teal.fm")
        assert not isinstance(verdict, Answered)
        assert good(str(verdict.cause))
