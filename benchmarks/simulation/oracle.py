"""The referee: checks every request when it is sent and every answer when it arrives, from outside the process."""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from math import inf
from typing import Any
from xml.etree import ElementTree

from benchmarks.simulation.finding import Finding, Kind
from benchmarks.simulation.ledger import CORRECTED, Account, Ledger, Line, Reported
from benchmarks.simulation.refusals import (
    ABOUT_A_PLAY,
    FREE_REFUSALS,
    OUTAGE_ACCOUNTS,
    PASSING,
    SESSION,
    Refusals,
)
from benchmarks.simulation.timeline import Timeline
from lastfm_emulator import Emulator
from lastfm_emulator.refusal import Refusal
from lastfm_emulator.request import Reply, Request
from lastfm_emulator.scrobbling import items

MAX_PLAYS = 50
TOO_OLD = 14 * 86400
LIVE = 3600.0
"""Seconds after its end up to which the report of a play is live."""

JUST_OVER = 700.0
"""Seconds since its end within which a reported play may have been timed by the service's clock, with a margin."""

LAG = 30.0
"""At most this many seconds pass from the choice of a batch until it is sent."""

SOON = 5.0
"""The same, if only the rate limit of a few accounts delays it."""

FURTHEST_SLOT = 3600.0
"""Seconds that a request may wait for a slot which a clock has booked that was set back since."""

EXACT = 5.0
"""Seconds by which clocks may differ and still be the same."""

SECOND = 1.0 - 1e-6
"""A second, within what is lost when times are added up: what is one apart is not in the same."""

FIRST_REST_OF_ACCOUNT = 300.0
FIRST_REST_OF_ADDRESS = 60.0
PROBE = 40.0
"""For so long all others wait for what a probe finds out."""

BY_HAND = 60.0
"""Seconds in which listeners, all together, may have one play try whether a rest is over."""

ALREADY_THERE, NOT_STORED = 91, frozenset({92, 93})
"""GNU FM's codes of a play that it has, and of one that its own database could not store."""

WRONG_TIME = frozenset({3, 4})
"""Last.fm's codes of a play that is too old or in the future, which GNU FM swaps."""

SHORTEST_REST = 1.0
"""What is promised after a limit met, and after a fault that passes."""

_OF = re.compile(r" of (\w+)")
"""Whose account a request is for, in the titles of plays and hearts: two accounts may have one user's session."""


@dataclass(slots=True, eq=False)
class Sent:
    """A request; `plays` only if it is a scrobble."""

    number: int
    at: float
    worker: int
    method: str
    user: str
    session: tuple[str, str] = ("", "")
    plays: list[Reported] = field(default_factory=list)


@dataclass(slots=True)
class Rest:
    """Until then (seconds of the run) an account, or all accounts, must send nothing; `why` is the reason. With a
    `token`, this is only about what is sent with it.
    """

    since: float
    until: float
    why: str
    probe: bool = False
    outage: bool = False
    token: str = ""


@dataclass(slots=True, eq=False)
class Referee:
    """Collects what is wrong with requests. `clock` is the process's own, in Unix seconds; `alone`: there is one
    worker.

    `told` says with what timestamp a play was reported that is sent with this artist, title and timestamp. The skews
    are the extremes by which Last.fm's clock was seen to be ahead of the process's, and of the true one.
    """

    timeline: Timeline
    emulator: Emulator
    ledger: Ledger
    clock: Callable[[], float]
    say: Callable[[str, str], None]
    per_second: float
    alone: bool
    reported_start: Callable[[str, str, int], int]
    findings: list[Finding] = field(default_factory=list)
    under_way: list[Sent] = field(default_factory=list)
    earliest_skew: float = 0.0
    latest_skew: float = 0.0
    earliest_lastfm: float = 0.0
    latest_lastfm: float = 0.0
    knows_since: float = inf
    clocks: list[tuple[float, float]] = field(default_factory=list)
    refusals: Refusals = field(default_factory=Refusals)
    requests: int = 0
    most_in_a_second: int = 0
    _times: deque[float] = field(default_factory=deque)
    _rests: dict[str, Rest] = field(default_factory=dict)
    _all_rest: Rest | None = None
    _may_rest_since: float | None = None
    _by_hand_at: float = -BY_HAND
    _users: dict[str, str] = field(default_factory=dict)
    _granted: dict[str, float] = field(default_factory=dict)
    _ended: dict[tuple[str, str], float] = field(default_factory=dict)
    _unsent: defaultdict[Line, list[Reported]] = field(default_factory=lambda: defaultdict(list))

    def finds(self, kind: Kind, words: str) -> None:
        """Something is wrong."""
        self.findings.append(Finding(kind, words))
        self.say("REFEREE", f"{kind}: {words}")

    def forgets_rests(self) -> None:
        """The process died, or couldn't save an answer: it may have forgotten its waits."""
        for sent in list(self.under_way):
            _leave_open(sent)
            self._over(sent)
        self._forgets()

    def _forgets(self) -> None:
        self._rests.clear()
        self._ended.clear()
        self._all_rest = None
        self.refusals.forget()

    def starts(self) -> None:
        """A process starts: it doesn't know Last.fm's time yet."""
        self.knows_since = inf

    def stepped(self) -> None:
        """The clock of the process was set forward or back: no wait that it has timed can be relied on."""
        self._forgets()
        self.clocks.append((self.timeline.now, self.clock() - self.timeline.now))
        for off in (self.emulator.now() - self.timeline.now, self.earliest_lastfm, self.latest_lastfm):
            skew = self.timeline.now + off - self.clock()  # what was believed of Last.fm's time before still is
            self.earliest_skew, self.latest_skew = min(self.earliest_skew, skew), max(self.latest_skew, skew)

    def waits(self, play: Reported) -> None:
        """A play was acknowledged as queued: it now has its place in the order, unless a clock is wrong."""
        if self.latest_skew > EXACT or self.earliest_skew < -EXACT:
            return
        late = self.clock() - play.end
        sure = late >= 0 and abs(late - LIVE) > LAG  # it is not moved, and counts as live or not
        if len(play.owners) == 1 and sure:
            [owner] = play.owners
            play.line = (play.account, owner, late <= LIVE)
            self._unsent[play.line].append(play)

    def leaves(self, request: Request, worker: int) -> Sent:
        """The process sends a request."""
        params = request.params()
        user = self._user(params.get("sk", ""))
        self.requests += 1
        about = _OF.search(params.get("track", params.get("track[0]", "")))
        session = params.get("sk", ""), about[1] if about else ""
        sent = Sent(self.requests, self.timeline.elapsed, worker, params.get("method", ""), user, session)
        self._at_a_pace(sent)
        self._after_its_session(sent)
        if sent.method == "track.scrobble":
            self.under_way.append(sent)
            self._scrobbles(sent, self._items(sent, params))
        else:
            self.say("wire", f"#{sent.number} {sent.method} leaves")
        return sent

    def _user(self, session_key: str) -> str:
        """The user of a session, also after it was revoked."""
        if session_key in self.emulator.sessions:
            self._users[session_key] = self.emulator.sessions[session_key].user
        return self._users.get(session_key, "")

    def _after_its_session(self, sent: Sent) -> None:
        """Nothing is sent with a session that has ended, as an answer for the same account said."""
        ended = self._ended.get(sent.session, inf)
        if sent.at > ended + self._lag():
            self.finds(Kind.MISBEHAVED, f"#{sent.number} {sent.method} has a session of {sent.user} that has ended")

    def _lag(self) -> float:
        """Seconds that may pass from the choice of what is sent until it is sent."""
        behind = any(self.timeline.now - at < 2 * FURTHEST_SLOT for at, _ in self.clocks)  # a clock set back since
        return (LAG if self.alone else 10 * LAG) + (FURTHEST_SLOT if behind else 0.0)

    def _at_a_pace(self, sent: Sent) -> None:
        times = self._times
        times.append(sent.at)
        while times[0] <= sent.at - SECOND:
            times.popleft()
        self.most_in_a_second = max(self.most_in_a_second, len(times))
        put = bool(self.clocks) and self.timeline.now - self.clocks[-1][0] <= SECOND  # then the pace begins anew, once
        if len(times) > (self.per_second + 1) * (1 + put):
            self.finds(Kind.MISBEHAVED, f"{len(times)} requests in a second, request #{sent.number} being the last")

    def _items(self, sent: Sent, params: dict[str, str]) -> list[dict[str, str]]:
        try:
            return items(params)
        except Refusal as refusal:  # the emulator takes no larger request apart
            self.finds(Kind.MISBEHAVED, f"#{sent.number} has plays that no request may carry: {refusal}")
            return []

    def _scrobbles(self, sent: Sent, sent_items: list[dict[str, str]]) -> None:
        for item in sent_items:
            artist, title, timestamp = item.get("artist", ""), item.get("track", ""), int(item.get("timestamp", "0"))
            play = self.ledger.find(artist, title, partial(self.reported_start, artist, title, timestamp))
            if play is None:
                self.finds(Kind.DOUBLED, f"#{sent.number} sends {item}, which nobody reported")
                continue
            sent.plays.append(play)
            self._one(sent, play, item)
        self.say("wire", f"#{sent.number} leaves for {sent.user or '?'}: {_titles(sent.plays)}")
        if len(sent_items) > MAX_PLAYS:
            self.finds(Kind.MISBEHAVED, f"#{sent.number} has {len(sent_items)} plays")
        times = [int(play.flight.params["timestamp"]) for play in sent.plays]
        if times != sorted(times):
            self.finds(Kind.MISBEHAVED, f"#{sent.number} is not in order of time")
        for name in _accounts(sent):
            self._of_account(sent, self.ledger.accounts[name])
        self._after_a_rest_of_all(sent)
        self._in_order(sent)

    def _one(self, sent: Sent, play: Reported, item: dict[str, str]) -> None:
        before, play.flight.params = play.flight.params, item
        timestamp = int(item["timestamp"])
        play.flight.starts.add(timestamp)
        if before and before != item and not _only_moved(play, before, item):
            self.finds(Kind.DOUBLED, f"#{sent.number} sends {play} otherwise than before: {item}, was {before}")
        if play.artist != CORRECTED and not self._may_be_at(play, timestamp):
            self.finds(Kind.DOUBLED, f"#{sent.number} sends {play} as of {timestamp}")
        if sent.user and sent.user.casefold() not in play.owners:
            self.finds(Kind.MISBEHAVED, f"#{sent.number} sends {play} as {sent.user}, it is of {sorted(play.owners)}")
        lag = SOON if self.alone else 10 * LAG
        age = self.clock() + min(0.0, self.earliest_skew) - timestamp
        right = abs(self.clock() - self.emulator.now()) <= EXACT
        sure = right and self.alone and sent.at >= self.knows_since + SOON  # each worker learns the time for itself
        if sure and age >= TOO_OLD + lag:
            self.finds(Kind.MISBEHAVED, f"#{sent.number} sends {play}, which is {age / 86400:.3f} days old")
        ahead = timestamp - self.clock() - max(0.0, self.latest_skew)
        fast = any(off < -LAG for off in play.offs)  # then nobody may know any more how far ahead it is
        if ahead > 1 + EXACT and not fast:
            self.finds(Kind.MISBEHAVED, f"#{sent.number} sends {play}, {ahead:.0f} s before its time")

    def _may_be_at(self, play: Reported, timestamp: int) -> bool:
        """Whether a start is the reported one, or that one moved: by what was heard, by a wrong clock, by both.

        Which clock timed a play is forgotten once it is settled. If it is sent again by hand, and rejected as being in
        the future, our clock is assumed to have been off then by as much as it is now.
        """
        moves = {timestamp - play.timestamp, timestamp - play.timestamp + round(play.played)}
        if 0 in moves:
            return True
        slack = EXACT + LAG
        early, late = self.earliest_lastfm - slack, self.latest_lastfm + slack
        assumed = {self.timeline.now - self.clock()} if play.resent and play.flight.codes & WRONG_TIME else set()
        return any(early <= move - off <= late for move in moves for off in play.offs | assumed)

    def _of_account(self, sent: Sent, account: Account) -> None:
        if account.left_at is not None and sent.at > account.left_at + self._lag():
            self.finds(Kind.MISBEHAVED, f"#{sent.number} is sent after {account.name} signed out")
        if not self.alone:
            return
        rest = self._rests.pop(account.name, None)
        if rest is None or account.pressed_at >= rest.since:
            return
        if sent.at < rest.until - 0.01:
            early = rest.until - sent.at
            self.finds(Kind.MISBEHAVED, f"#{sent.number} comes {early:.1f} s too early for {account.name} ({rest.why})")
        elif rest.probe and len(sent.plays) > 1:
            self.finds(Kind.MISBEHAVED, f"#{sent.number} probes with {len(sent.plays)} plays ({rest.why})")

    def _after_a_rest_of_all(self, sent: Sent) -> None:
        rest = self._all_rest
        if rest is None or not self.alone or sent.at <= rest.since + SOON:
            return
        if sent.at >= rest.until - 0.01:
            self._probes(sent, rest)
        elif any(account.pressed_at >= rest.since for account in self.ledger.accounts.values()):
            if sent.at < self._by_hand_at + BY_HAND - SOON:
                self.finds(Kind.MISBEHAVED, f"#{sent.number} probes by hand, a moment after another ({rest.why})")
            self._by_hand_at = sent.at
            rest.since, rest.until = sent.at, min(rest.until, sent.at + PROBE)  # one request finds out, for each press
        else:
            self.finds(Kind.MISBEHAVED, f"#{sent.number} comes while everybody is to rest ({rest.why})")

    def _probes(self, sent: Sent, rest: Rest) -> None:
        """A wait of all accounts is over: one play is sent as a probe, and all others wait for its answer."""
        if rest.outage and len(sent.plays) > 1:
            self.finds(
                Kind.MISBEHAVED, f"#{sent.number} probes for everybody with {len(sent.plays)} plays ({rest.why})"
            )
        if rest.outage:
            rest.since, rest.until = sent.at, sent.at + PROBE - SOON

    def _in_order(self, sent: Sent) -> None:
        """Acknowledged plays that were never sent are sent oldest first: live plays among themselves, and the
        others.
        """
        fresh = [play for play in sent.plays if play.flight.first is None]
        for play in fresh:
            play.flight.first = sent.at
        for line in sorted({play.line for play in fresh if play.line is not None}):
            newest = max(play.timestamp for play in fresh if play.line == line)
            self._unsent[line] = [p for p in self._unsent[line] if p.flight.first is None and not p.discarded]
            for other in self._unsent[line]:
                if other.timestamp < newest and self._could_be_sent(other, sent.at):
                    self.finds(Kind.MISBEHAVED, f"#{sent.number} passes over {other}, which is older")

    def _could_be_sent(self, play: Reported, at: float) -> bool:
        lag = LAG if self.alone else 10 * LAG
        age = self.clock() - play.timestamp
        just_over = (
            play.timestamp + play.played > self.timeline.now - self.timeline.elapsed + play.answers[0].at - JUST_OVER
        )
        if (at < self.knows_since + SOON or not self.alone) and just_over:
            return False  # a clock of ours may have timed it: it waits for the first batch since the time is known
        return play.answers[0].at < at - lag and LAG < age < TOO_OLD - max(0.0, self.latest_skew) - 10 * lag

    def lies_agree(self, lie: float) -> None:
        """Two answers have a time that is wrong by that many seconds: if they agree, it counts."""
        self.earliest_lastfm, self.latest_lastfm = min(self.earliest_lastfm, lie), max(self.latest_lastfm, lie)
        skew = self.timeline.now + lie - self.clock()
        self.earliest_skew, self.latest_skew = min(self.earliest_skew, skew), max(self.latest_skew, skew)

    def unanswered(self, sent: Sent) -> None:
        """No answer came."""
        self.say("wire", f"#{sent.number} gets no answer")
        _leave_open(sent)
        self._over(sent)
        self._passes(sent, SHORTEST_REST, "after no answer")

    def answered(self, sent: Sent, reply: Reply, *, lies: bool) -> None:
        """An answer arrives, which may be garbage, or show another time."""
        shown = parsedate_to_datetime(dict(reply.headers)["date"]).timestamp()  # a fault may be over by now
        for time in (shown, self.emulator.now()):
            off = time - self.timeline.now
            self.earliest_lastfm, self.latest_lastfm = min(self.earliest_lastfm, off), max(self.latest_lastfm, off)
            skew = time - self.clock()
            self.earliest_skew, self.latest_skew = min(self.earliest_skew, skew), max(self.latest_skew, skew)
        content = _read(reply.body)
        number = content.get("error") if content else None
        sound = content is not None and _is_sound(sent, content)
        if sound and not lies and abs(shown - self.clock()) <= EXACT:
            self.knows_since = min(self.knows_since, self.timeline.elapsed)
        self.say("wire", f"#{sent.number} is answered: HTTP {reply.status} {_shortened(reply.body)}")
        self._learns_of_sessions(sent, content or {})
        if sent.method != "track.scrobble":
            if content is not None and number is None:
                self._proves(by_plays=False)
            return
        self._over(sent)
        for play in sent.plays:
            play.flight.open.discard(sent.number)  # left open when the disk was full, and answered after all
        if number is not None:
            self._refused(sent, int(number), str(content.get("message", "")) if content else "")
        elif content is None or "scrobbles" not in content:
            _leave_open(sent)
            wait = dict(reply.headers).get("Retry-After", "0")
            self._passes(sent, max(SHORTEST_REST, float(wait)), "after an answer that cannot be read")
        elif not sound:
            _leave_open(sent)
            self._passes(sent, SHORTEST_REST, "after an answer that contradicts itself")
        else:
            self._taken(sent, _codes(content["scrobbles"]), shown)

    def _learns_of_sessions(self, sent: Sent, content: dict[str, Any]) -> None:
        now = self.timeline.elapsed
        match content:
            case {"session": {"key": str(key)}}:
                self._granted[key] = now
                for one in [one for one in self._ended if one[0] == key]:
                    del self._ended[one]
            case {"error": 9 | "9"} if sent.session[1] and sent.at > self._granted.get(sent.session[0], -inf):
                self._ended.setdefault(sent.session, now)

    def _over(self, sent: Sent) -> None:
        if sent in self.under_way:
            self.under_way.remove(sent)
            for play in sent.plays:
                play.flight.over += 1

    def _refused(self, sent: Sent, number: int, words: str) -> None:
        if len(sent.plays) == 1:
            sent.plays[0].flight.errors.add(number)
        if number in PASSING:
            if number in (8, 16):
                _leave_open(sent)
            self._passes(sent, SHORTEST_REST, f"after error {number}")
        elif number in (10, 26) or (number == 29 and "scrobbles" not in words):
            now = self.timeline.elapsed
            self._all_rest = Rest(now, now + FIRST_REST_OF_ADDRESS, f"after error {number} to #{sent.number}")
        elif number == 29:
            self._rest(sent, FIRST_REST_OF_ACCOUNT, "after error 29 for the account", probe=True)
            self._proves()
        elif number in SESSION:
            for name in _accounts(sent):
                self.refusals.calm(name)
            self._proves()
        else:
            self._refused_plays(sent, number, words)

    def _refused_plays(self, sent: Sent, number: int, words: str) -> None:
        """Something about these plays is rejected, according to the server."""
        for name in _accounts(sent):
            self.refusals.calm(name, self.ledger.accounts[name].pressed_at)  # signed in again, perhaps
            many = self.refusals.refused(name, sent.plays, number, words, self.timeline.elapsed)
            if many > FREE_REFUSALS:
                self._rest(sent, SHORTEST_REST, f"after {many} refusals in a row")
        if number in ABOUT_A_PLAY:
            self._proves()
        else:
            self._outage(sent)

    def _proves(self, *, by_plays: bool = True) -> None:
        """Whatever the answer, it shows that this key and this address are served; a sign-in doesn't end an outage."""
        self._all_rest = None
        self.refusals.away_from.clear()
        if by_plays:
            self._may_rest_since = None
            self.refusals.may_be_away_from.clear()

    def _passes(self, sent: Sent, seconds: float, why: str) -> None:
        """A temporary failure, which others may meet as well."""
        self._rest(sent, seconds, why)
        self._outage(sent)

    def _outage(self, sent: Sent) -> None:
        """These accounts have met an outage: after a few of them, all accounts wait."""
        away, rest, now = self.refusals.away_from, self._all_rest, self.timeline.elapsed
        away |= _accounts(sent)
        begun = self._may_rest_since
        if rest is None and self.refusals.may_rest(_accounts(sent)) and (begun is None or now > begun + PROBE):
            self._may_rest_since = now
        if rest is not None and (not rest.outage or sent.at <= rest.since + SOON):  # it was booked before
            return
        if rest is not None or len(away) >= OUTAGE_ACCOUNTS:
            why = f"after {len(away)} accounts met the same outage, the last with #{sent.number}"
            early = self._may_rest_since
            booked_before = early is not None and sent.at <= early + SOON
            since = early if rest is None and early is not None and booked_before else now
            self._all_rest = Rest(since, since + PROBE, why, outage=True)

    def _taken(self, sent: Sent, codes: list[int], shown: float) -> None:
        self._proves()
        for name in _accounts(sent):
            self.refusals.answered(name, self.timeline.elapsed)
        for play, code in zip(sent.plays, codes, strict=True):
            play.flight.codes.add(0 if code == ALREADY_THERE else code)
            play.flight.ahead = int(play.flight.params["timestamp"]) > shown
        if 5 in codes:
            self._rest(sent, FIRST_REST_OF_ACCOUNT, "after the daily limit", probe=True)
        elif NOT_STORED & set(codes):
            self._rest(sent, SHORTEST_REST, "after the server could not store a play")

    def _rest(self, sent: Sent, seconds: float, why: str, *, probe: bool = False) -> None:
        for name in _accounts(sent):
            now = self.timeline.elapsed
            self._rests[name] = Rest(now, now + seconds, f"{why} to #{sent.number}", probe)


def _accounts(sent: Sent) -> set[str]:
    return {play.account for play in sent.plays}


def _codes(scrobbles: dict[str, Any]) -> list[int]:
    """The code of each play of an answer; 0: accepted."""
    answers = scrobbles["scrobble"]
    return [int(one["ignoredMessage"]["code"]) for one in (answers if isinstance(answers, list) else [answers])]


def _is_sound(sent: Sent, content: dict[str, Any]) -> bool:
    """Whether an answer is about as many plays as were sent, and its totals are those of its items. Else it may be a
    proxy's, which has a clock of its own.
    """
    if "scrobbles" not in content:
        return True
    codes = _codes(content["scrobbles"])
    return len(codes) == len(sent.plays) and not _contradicted(content["scrobbles"].get("@attr", {}), codes)


def _contradicted(totals: dict[str, Any], codes: list[int]) -> bool:
    """Whether the totals of an answer, if it has any, contradict its items."""
    counted = {"accepted": codes.count(0), "ignored": len(codes) - codes.count(0)}
    return any(int(totals.get(name, number)) != number for name, number in counted.items())


def _leave_open(sent: Sent) -> None:
    """Last.fm may have stored these, as far as the process knows."""
    for play in sent.plays:
        play.flight.open.add(sent.number)


def _only_moved(play: Reported, before: dict[str, str], item: dict[str, str]) -> bool:
    """Whether only the start was changed, of a play that Last.fm has certainly never accepted.

    One whose artist or track it ignored is sent again by hand alone; a destination may have moved its start by then.
    """
    ignored = {3, 4, 5} | NOT_STORED | ({1, 2} if play.resent else set())
    return (
        not play.flight.open
        and play.flight.codes <= ignored
        and {**before, "timestamp": ""} == {**item, "timestamp": ""}
    )


def _read(body: bytes) -> dict[str, Any] | None:
    """The relevant part of an answer, as in JSON; None if it can't be read."""
    try:
        content = _from_xml(body) if body.startswith(b"<?xml") else json.loads(body)
    except (ValueError, ElementTree.ParseError):
        return None
    return content if isinstance(content, dict) else None


def _from_xml(body: bytes) -> dict[str, Any]:
    root = ElementTree.fromstring(body)
    if (error := root.find("error")) is not None:
        return {"error": error.attrib["code"], "message": error.text}
    if (scrobbles := root.find("scrobbles")) is None:
        return {}
    codes = [word.attrib["code"] for word in root.iter("ignoredMessage")]
    return {"scrobbles": {"@attr": scrobbles.attrib, "scrobble": [{"ignoredMessage": {"code": c}} for c in codes]}}


def _shortened(body: bytes) -> str:
    text = " ".join(body.decode(errors="replace").split())
    return text if len(text) <= 160 else text[:159] + "…"


def _titles(plays: list[Reported]) -> str:
    shown = ", ".join(play.title for play in plays[:6])
    return shown if len(plays) <= 6 else f"{shown} and {len(plays) - 6} more"
