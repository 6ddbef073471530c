"""The service itself: a request in, a reply or a hang-up out."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Final, Unpack
from urllib.parse import unquote_plus

from lastfm_emulator import damage
from lastfm_emulator.catalogue import METHODS
from lastfm_emulator.faults import Fault, Fields, Kind
from lastfm_emulator.journal import Entry, Journal
from lastfm_emulator.method import Call, Method, Needs, Tally
from lastfm_emulator.refusal import Refusal
from lastfm_emulator.render import render, render_error
from lastfm_emulator.request import Hangup, Reply, Request
from lastfm_emulator.scrobbling import DAILY, items
from lastfm_emulator.shelf import PICTURES
from lastfm_emulator.signature import is_damaged, is_like_a_signature, is_signed
from lastfm_emulator.world import World

if TYPE_CHECKING:
    from lastfm_emulator.credentials import ApiKey
    from lastfm_emulator.render import Body


# As recorded from the API in November 2025.
_HEADERS: Final = (
    ("server", "openresty/1.13.6.2"),
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "POST, GET, OPTIONS"),
    ("access-control-max-age", "86400"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A request that was read, and the faults that apply to it: it is carried out after `delay`."""

    verb: str
    params: dict[str, str] = field(repr=False)
    method: Method | None
    user: str | None
    struck: tuple[Fault, ...]

    @property
    def delay(self) -> float:
        return sum(fault.waits() for fault in self.struck if fault.kind is Kind.DELAY)

    @property
    def method_name(self) -> str:
        return self.method.name if self.method else self.params.get("method", "")


@dataclass(repr=False, eq=False)
class Emulator(World):
    """A Last.fm in memory, safe to use from several threads; its settings are those of `World`."""

    journal: Journal = field(default_factory=Journal, init=False)
    methods: dict[str, Method] = field(default_factory=lambda: dict(METHODS), init=False)

    def courtesies(self) -> tuple[tuple[str, str], ...]:
        """The headers of every answer; `date` is by the service's own clock."""
        return (*_HEADERS, ("date", formatdate(self.now(), usegmt=True)))

    def add_method(self, method: Method) -> None:
        """Add a method, or replace one."""
        self.methods[method.name.lower()] = method

    def fault(self, kind: Kind | str, **how: Unpack[Fields]) -> int:
        """Arm a fault; the fields are those of `Fault`. Returns the number by which to disarm it."""
        with self.lock:
            return self.faults.arm(Fault(Kind(kind), **how)).fault_id

    def clear_faults(self) -> None:
        with self.lock:
            self.faults.clear()

    def answer(self, request: Request) -> Reply | Hangup:
        """Read and carry out at once: a delay is not waited for."""
        return self.fulfil(self.plan(request))

    def plan(self, request: Request) -> Plan:
        """Read a request, and let the faults that apply to it count it."""
        params = request.params()
        method = self.methods.get(params.get("method", "").lower())
        session = self.sessions.get(params.get("sk", ""))
        user = session.user if session is not None else params.get("user")
        name = method.name if method is not None else params.get("method", "")
        with self.lock:
            struck = self.faults.strike(name, user, self.clock())
        return Plan(request.verb, params, method, user, struck)

    def fulfil(self, plan: Plan) -> Reply | Hangup:
        """Carry out what was asked, unless a fault prevents it, and log it."""
        with self.lock:
            tally = Tally()
            committed = all(fault.commits() for fault in plan.struck)
            result = self._perform(plan, tally) if committed else None
            fault = damage.first_in_place(plan.struck)
            answer: Body | Refusal | Reply | Hangup
            answer = damage.unsaid(plan.struck) if result is None else result
            if fault is not None:
                answer = damage.in_place(fault)
            reply = self._reply(answer, plan)
            if self.pictures_at and isinstance(reply, Reply):
                body = reply.body.replace(PICTURES.encode(), self.pictures_at.encode())
                reply = Reply(reply.status, body, reply.headers)
            self.journal.add(self._entry(plan, tally, answer, reply, fault, committed))
            return reply

    def _perform(self, plan: Plan, tally: Tally) -> Body | Refusal:
        try:
            call = self._admit(plan)
            call.tally = tally
            kinds = {fault.kind for fault in plan.struck}
            call.stores_nothing, call.gnu_codes = Kind.NOTHING_STORED in kinds, Kind.GNU_CODES in kinds
            if Kind.DECODES_TWICE in kinds:
                again = {name: unquote_plus(call.params[name]) for name in ("artist", "track") if name in call.params}
                call.params = {**call.params, **again}
            call.ignored = next((f.code for f in plan.struck if f.kind is Kind.IGNORED), 0)
            limits = [(f.plays, f.code == DAILY) for f in plan.struck if f.kind is Kind.DAILY_LIMIT]
            call.limit = min(limits, default=None)
            call.hidden_for = sum(f.waits() for f in plan.struck if f.kind is Kind.INVISIBLE)
            assert plan.method is not None
            return plan.method.answer(call)
        except Refusal as refusal:
            return refusal

    def _admit(self, plan: Plan) -> Call:
        """The checks before any method: method, format, key, verb, signature, session."""
        params, method = plan.params, plan.method
        if not params.get("method"):
            raise Refusal(6)
        if method is None:
            raise Refusal(3)
        if params.get("format", "json").lower() not in {"json", "xml"}:
            raise Refusal(5)
        key = self._key(params.get("api_key", ""))
        if method.needs is Needs.SESSION and plan.verb != "POST":
            # What a write by GET really gets is on record for auth.getMobileSession only: error 4.
            raise Refusal(4, "Authentication Failed - This method must be called with POST")
        if any(name.endswith("[]") for name in params):
            raise Refusal(13)
        signed = method.needs is not Needs.KEY or "api_sig" in params
        if signed and (is_damaged(params) or not self._is_signed(params, key)):
            raise Refusal(13)
        call = Call(self, plan.verb, params, self.now(), key, method.old)
        if "sk" in params:
            session = self.sessions.get(params["sk"])
            if session is None or session.api_key != key.key:
                raise Refusal(9)
            call.user = self.user(session.user)
        return call

    def _is_signed(self, params: dict[str, str], key: ApiKey) -> bool:
        """Whether the signature is right. The secret of an unregistered key isn't known: any signature will do."""
        return is_signed(params, key.secret) if key.secret else is_like_a_signature(params.get("api_sig", ""))

    def _key(self, text: str) -> ApiKey:
        key = self.keys.get(text)
        if key is None and self.any_key and text:
            key = self.add_key(text, "", name="An application with a key of its own")
        if key is None or not (key.secret or self.any_key):  # from an earlier run that accepted any key
            raise Refusal(10)
        if key.suspended:
            raise Refusal(26)
        return key

    def _reply(self, answer: Body | Refusal | Reply | Hangup, plan: Plan) -> Reply | Hangup:
        if isinstance(answer, Reply | Hangup):
            return answer
        kinds = {fault.kind for fault in plan.struck}
        params = plan.params
        if Kind.XML_FOR_JSON in kinds:
            params = {name: value for name, value in params.items() if name != "format"}
        old = plan.method is not None and plan.method.old
        if isinstance(answer, Refusal):
            # The older backend reports errors with 200; keys and sessions are checked before that.
            forgiving = (old and answer.status == 400) or (answer.code == 6 and Kind.OLD_STATUS in kinds)
            status = 200 if forgiving else answer.status
            media, body = render_error(answer.code, answer.text, params, old=old or Kind.LINKS in kinds)
        else:
            status = 200
            media, body = render(damage.altered(answer, plan.struck), params, old=old)
        reply = Reply(status, body, (("Content-Type", media),))
        return damage.cut(reply) if Kind.CUT_OFF in kinds else reply

    def _entry(
        self,
        plan: Plan,
        tally: Tally,
        answer: Body | Refusal | Reply | Hangup,
        reply: Reply | Hangup,
        fault: Fault | None,
        committed: bool,
    ) -> Entry:
        if isinstance(answer, Refusal):
            outcome = f"error {answer.code}"
        elif isinstance(reply, Hangup):
            outcome = "closed"
        else:
            outcome = "ok" if fault is None else str(fault.kind)
        return Entry(
            self.now(),
            plan.method_name,
            plan.verb,
            plan.user,
            tally.items or _sent(plan),
            outcome,
            None if isinstance(reply, Hangup) else reply.status,
            committed,
            tally.stored,
            tally.repeats,
            tally.ignored,
            tuple([str(fault.kind) for fault in plan.struck]),
            plan.params.get("api_key", ""),
        )


def _sent(plan: Plan) -> int:
    """How many items a call contained that was never carried out."""
    if plan.method_name != "track.scrobble":
        return 0
    try:
        return len(items(plan.params))
    except Refusal:
        return 0
