"""Stand-ins for the servers that plays are sent to, written from their documents and sources; none uses tonearm's code.

    with ListenBrainzStandIn() as server:
        server.users["a-token"] = "anna"
        ...                                  # send to server.url
        server.fault = Fault.LOST_ANSWER     # until it is Fault.NONE again
        server.fail_next(Fault.OUTAGE)       # for one request
        assert server.stored == [...]        # in the order in which they came

`server.answer(Asked(...))` is the same without a network. `server.now` is its clock.
"""

from __future__ import annotations

from tests.stand_ins.gnufm import GnuFmStandIn
from tests.stand_ins.koito import KoitoStandIn
from tests.stand_ins.listenbrainz import ListenBrainzStandIn
from tests.stand_ins.maloja import MalojaStandIn
from tests.stand_ins.pds import PdsStandIn
from tests.stand_ins.serving import Asked, Fault, Said, StandIn, Stored

__all__ = [
    "Asked",
    "Fault",
    "GnuFmStandIn",
    "KoitoStandIn",
    "ListenBrainzStandIn",
    "MalojaStandIn",
    "PdsStandIn",
    "Said",
    "StandIn",
    "Stored",
]
