"""Last.fm's answers to reports, play by play."""

from __future__ import annotations

import pytest

from tonearm.core.play import Play, Track
from tonearm.core.verdict import Answered, Cause, Correction, ItemAnswer, Split, Unsure, Verdict
from tonearm.http_exchange import Reply
from tonearm.lastfm.error import verdict_of
from tonearm.lastfm.methods import track
from tonearm.lastfm.request import Request, sign_request
from tonearm.lastfm.response import Answer, understand

from .bodies import NOW_PLAYING, PLAYS, body, scrobbled, scrobbles
from .faces import KEYS


def judge(request: Request[track.TrackWrite], tree: object, status: int = 200) -> Verdict:
    content = tree if isinstance(tree, bytes) else body(tree)
    outcome = understand(request, sign_request(request, KEYS), Reply(status, {}, content))
    return Answered(outcome.value) if isinstance(outcome, Answer) else verdict_of(outcome)


def scrobble(tree: object, plays: tuple[Play, ...] = PLAYS) -> Verdict:
    return judge(track.scrobble(plays, "sk"), tree)


def test_each_play_gets_the_answer_at_its_position() -> None:
    answer = scrobbles([scrobbled(PLAYS[0]), scrobbled(PLAYS[1], "1"), scrobbled(PLAYS[2], "5")], 2)
    assert scrobble(answer) == Answered(
        (
            ItemAnswer(0, timestamp=1700000000),
            ItemAnswer(1, timestamp=1700000300),
            ItemAnswer(5, timestamp=1700000600),
        )
    )


def test_one_play_is_answered_by_an_object_or_by_a_list_of_one() -> None:
    word = scrobbled(PLAYS[0])
    for answer in (word, [word]):
        assert scrobble({"scrobbles": {"scrobble": answer}}, PLAYS[:1]) == Answered(
            (ItemAnswer(0, timestamp=1700000000),)
        )


def test_counts_and_codes_may_be_numbers_or_text() -> None:
    for zero in (0, "0", 0.0):
        word = scrobbled(PLAYS[0], ignoredMessage={"code": zero}, timestamp=1700000000)
        assert scrobble(scrobbles([word], str(zero)), PLAYS[:1]) == Answered((ItemAnswer(0, timestamp=1700000000),))


def test_the_wording_of_2015_for_an_ignored_play_is_understood() -> None:
    word = scrobbled(PLAYS[0], ignoredMessage={"#text": "Artist name failed filter: Various", "code": "1"})
    assert scrobble(scrobbles([word], "1"), PLAYS[:1]) == Answered(
        (ItemAnswer(1, "Artist name failed filter: Various", 1700000000),)
    )


def test_an_ignored_play_may_come_without_its_names() -> None:
    word = scrobbled(PLAYS[0], "2", artist={"corrected": "0"}, track={"corrected": "0"})
    assert scrobble(scrobbles([word], 1), PLAYS[:1]) == Answered((ItemAnswer(2, timestamp=1700000000),))


def test_an_album_may_be_missing_altogether() -> None:
    word = scrobbled(PLAYS[0])
    del word["album"]
    assert isinstance(scrobble(scrobbles([word]), PLAYS[:1]), Answered)


def test_a_correction_says_under_which_names_the_play_is_filed() -> None:
    word = scrobbled(
        PLAYS[1], artist={"corrected": "1", "#text": "CAN"}, albumArtist={"corrected": "1", "#text": "CAN"}
    )
    assert scrobble(scrobbles([word]), PLAYS[1:2]) == Answered(
        (ItemAnswer(0, "", 1700000300, Correction("CAN", "Vitamin C", "Ege Bamyasi", "CAN")),)
    )


def test_a_correction_without_all_names_keeps_those_that_were_sent() -> None:
    word = scrobbled(PLAYS[2], track={"corrected": 1}, artist={"corrected": "0"})
    assert scrobble(scrobbles([word]), PLAYS[2:]) == Answered(
        (ItemAnswer(0, "", 1700000600, Correction("Broadcast", "Tender Buttons")),)
    )


@pytest.mark.parametrize("named", [None, "", "1700000000", 1700000000])
def test_an_answer_that_names_no_time_or_the_right_one_is_believed(named: object) -> None:
    assert isinstance(scrobble(scrobbles([scrobbled(PLAYS[0], timestamp=named)]), PLAYS[:1]), Answered)


def test_an_answer_without_any_time_is_believed() -> None:
    word = scrobbled(PLAYS[0])
    del word["timestamp"]
    assert scrobble(scrobbles([word]), PLAYS[:1]) == Answered((ItemAnswer(0),))


@pytest.mark.parametrize("named", ["1700000001", 1700000001, "yesterday", "1700000000.5x", {"#text": "7"}])
def test_an_answer_about_another_time_leaves_us_unsure(named: object) -> None:
    assert isinstance(scrobble(scrobbles([scrobbled(PLAYS[0], timestamp=named)]), PLAYS[:1]), Unsure)


@pytest.mark.parametrize(
    "content",
    [
        scrobbles([scrobbled(PLAYS[0]), scrobbled(PLAYS[1])]),
        scrobbles([scrobbled(play) for play in (*PLAYS, PLAYS[2])]),
        scrobbles([scrobbled(PLAYS[0]), scrobbled(PLAYS[2]), scrobbled(PLAYS[1])]),
        scrobbles([scrobbled(PLAYS[0]), "a word", scrobbled(PLAYS[2])]),
        {"scrobbles": {"@attr": {"accepted": 3, "ignored": 0}}},
        {"scrobbles": "\n"},
        {"scrobbles": None},
    ],
    ids=["one too few", "one too many", "in another order", "not words", "only counts", "blank", "null"],
)
def test_an_answer_that_does_not_fit_the_batch_leaves_us_unsure(content: object) -> None:
    assert isinstance(scrobble(content), Unsure)


def test_an_answer_without_a_code_is_accepted_if_nothing_was_ignored() -> None:
    word = scrobbled(PLAYS[0])
    del word["ignoredMessage"]
    assert scrobble(scrobbles([word]), PLAYS[:1]) == Answered((ItemAnswer(0, timestamp=1700000000),))


def test_an_answer_without_a_code_is_unsure_if_something_was_ignored() -> None:
    word = scrobbled(PLAYS[0])
    del word["ignoredMessage"]
    assert isinstance(scrobble(scrobbles([word], 1), PLAYS[:1]), Unsure)


ONE, TWO = [scrobbled(PLAYS[0])], [scrobbled(PLAYS[0]), scrobbled(PLAYS[1], "1")]


@pytest.mark.parametrize(
    ("words", "totals"),
    [
        pytest.param(ONE, {"accepted": 0, "ignored": 0}, id="a proxy whose database is locked"),
        pytest.param(ONE, {"accepted": "0", "ignored": "0"}, id="the same as text"),
        pytest.param(ONE, {"accepted": 0}, id="only the one that contradicts"),
        pytest.param(ONE, {"accepted": 0, "ignored": 1}, id="ignored, and the item is not"),
        pytest.param(ONE, {"accepted": 2, "ignored": 0}, id="more than were sent"),
        pytest.param(ONE, {"ignored": -1}, id="fewer than none"),
        pytest.param(TWO, {"accepted": 2, "ignored": 0}, id="accepted, and one item is ignored"),
        pytest.param(TWO, {"accepted": 0, "ignored": 2}, id="ignored, and one item is accepted"),
        pytest.param(TWO, {"accepted": 1, "ignored": 0}, id="not as many as were sent"),
    ],
)
def test_totals_that_contradict_the_plays_leave_us_unsure(words: list[object], totals: dict[str, object]) -> None:
    plays = PLAYS[: len(words)]
    assert isinstance(scrobble({"scrobbles": {"scrobble": words, "@attr": totals}}, plays), Unsure)
    assert isinstance(scrobble({"scrobbles": {"scrobble": words, **totals}}, plays), Unsure)


@pytest.mark.parametrize(
    "totals",
    [
        {},
        {"accepted": "1", "ignored": "1"},
        {"accepted": 1},
        {"ignored": {"#text": "1"}},
        {"accepted": "", "ignored": None},
    ],
    ids=["absent", "as text", "one of them", "as a container", "empty"],
)
def test_totals_that_agree_or_say_nothing_are_no_matter(totals: dict[str, object]) -> None:
    expected = Answered((ItemAnswer(0, timestamp=1700000000), ItemAnswer(1, timestamp=1700000300)))
    assert scrobble({"scrobbles": {"scrobble": TWO, "@attr": totals}}, PLAYS[:2]) == expected
    assert scrobble({"scrobbles": {"scrobble": TWO, **totals}}, PLAYS[:2]) == expected


def test_an_answer_without_a_code_is_accepted_if_the_totals_say_that_the_others_were_ignored() -> None:
    word = scrobbled(PLAYS[0])
    del word["ignoredMessage"]
    assert scrobble(scrobbles([word, scrobbled(PLAYS[1], "1")], 1), PLAYS[:2]) == Answered(
        (ItemAnswer(0, timestamp=1700000000), ItemAnswer(1, timestamp=1700000300))
    )


def test_a_repeat_that_gnu_fm_ignores_as_already_scrobbled_is_accepted() -> None:
    """Its totals count it as ignored."""
    repeat = scrobbled(PLAYS[0], ignoredMessage={"code": "91", "#text": "Already scrobbled"})
    assert scrobble(scrobbles([repeat, scrobbled(PLAYS[1])], 1), PLAYS[:2]) == Answered(
        (ItemAnswer(0, timestamp=1700000000), ItemAnswer(0, timestamp=1700000300))
    )


def test_a_repeat_that_gnu_fm_knows_by_another_name_keeps_that_name() -> None:
    corrected = {"corrected": "1", "#text": "Nina Simone (corrected)"}
    repeat = scrobbled(PLAYS[0], ignoredMessage={"code": "91", "#text": "Already scrobbled"}, artist=corrected)
    verdict = scrobble(scrobbles([repeat], 1), PLAYS[:1])
    assert isinstance(verdict, Answered)
    assert verdict.items[0].correction is not None
    assert verdict.items[0].correction.artist == "Nina Simone (corrected)"


@pytest.mark.parametrize(("code", "stored"), [("99999999999", 2**31 - 1), (-(10**12), -(2**31) + 1)])
def test_a_code_that_no_database_keeps_is_the_nearest_that_it_can(code: object, stored: int) -> None:
    word = scrobbled(PLAYS[0], ignoredMessage={"code": code, "#text": ""})
    assert scrobble(scrobbles([word], 1), PLAYS[:1]) == Answered((ItemAnswer(stored, timestamp=1700000000),))


@pytest.mark.parametrize("error", [10**12, "99999999999", {"code": str(2**40), "#text": "no"}])
def test_an_error_number_that_no_database_keeps_is_the_nearest_that_it_can(error: object) -> None:
    verdict = scrobble({"error": error, "message": "no"})
    assert isinstance(verdict, Split)
    assert verdict.cause == Cause(2**31 - 1, "no")


def test_an_answer_in_xml_to_a_question_in_json_is_understood() -> None:
    xml = b"""<?xml version="1.0" encoding="UTF-8"?>
<lfm status="ok"><scrobbles accepted="1" ignored="1">
  <scrobble><track corrected="0">Sunflower</track><artist corrected="1">LOW</artist><album corrected="0"></album>
    <albumArtist corrected="0"></albumArtist><timestamp>1700000000</timestamp>
    <ignoredMessage code="0"></ignoredMessage></scrobble>
  <scrobble><track corrected="0"></track><artist corrected="0"></artist><timestamp>1700000300</timestamp>
    <ignoredMessage code="3">Too old</ignoredMessage></scrobble>
</scrobbles></lfm>"""
    assert scrobble(xml, PLAYS[:2]) == Answered(
        (
            ItemAnswer(0, "", 1700000000, Correction("LOW", "Sunflower")),
            ItemAnswer(3, "Too old", 1700000300),
        )
    )


def test_now_playing_is_one_word_without_a_time() -> None:
    request = track.now_playing(Track("Low", "Sunflower"), "sk")
    assert judge(request, NOW_PLAYING) == Answered((ItemAnswer(0),))
    ignored = {"nowplaying": {"ignoredMessage": {"code": "1", "#text": ""}}}
    assert judge(request, ignored) == Answered((ItemAnswer(1),))
    assert judge(request, {"nowplaying": "\n"}) == Answered((ItemAnswer(0),))


@pytest.mark.parametrize(
    "content",
    [{}, {"lfm": {"status": "ok"}}, b'<?xml version="1.0" encoding="UTF-8"?>\n<lfm status="ok"></lfm>'],
    ids=["empty", "as GNU FM says it", "XML"],
)
def test_a_love_is_done_when_nothing_is_said_against_it(content: object) -> None:
    for request in (track.love("Low", "Sunflower", "sk"), track.unlove("Low", "Sunflower", "sk")):
        assert judge(request, content) == Answered((ItemAnswer(0),))


@pytest.mark.parametrize("content", [{"status": "failed"}, b'<lfm status="failed"></lfm>', [], "ok", b"", b"<html>"])
def test_a_love_that_is_not_said_to_be_done_leaves_us_unsure(content: object) -> None:
    assert isinstance(judge(track.love("Low", "Sunflower", "sk"), content), Unsure)


def test_a_love_is_not_done_by_an_empty_answer_of_something_in_between() -> None:
    assert isinstance(judge(track.love("Low", "Sunflower", "sk"), {}, status=404), Unsure)
