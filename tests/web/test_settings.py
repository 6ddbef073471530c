"""The settings' page: the rule, tokens, the flow in two steps, export and the end of it all."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, Table, func, select

from tests.databases import only_sqlite
from tests.web.conftest import House
from tests.web.test_page import HOSTILE, Tags, queued, settled, song
from tonearm.core.play import Track
from tonearm.core.session import Notice, NoticeKind
from tonearm.deck import Listener
from tonearm.history.play import ReadOptions
from tonearm.ingest.incoming import Heart
from tonearm.ingest.webhook import WebhookReport
from tonearm.service.players import PlayerKind
from tonearm.store.db.schema import (
    account,
    app_key,
    approval,
    attempt,
    destination,
    destination_queue,
    device_clock,
    edit_rule,
    erasure,
    heart,
    history_import,
    job_failure,
    job_run,
    library,
    library_key,
    login,
    loved,
    loved_sync,
    metadata,
    month_part,
    month_summary,
    play,
    player,
    player_session,
    player_user,
    renamed_name,
    reported_name,
    scrobble_queue,
    summary_name,
    token,
    viewer,
    year_summary,
)
from tonearm.web.app import create_app
from tonearm.web.options import WebOptions

pytestmark = pytest.mark.anyio


def number_of(db: Connection, table: Table) -> int:
    return db.execute(select(func.count()).select_from(table)).scalar_one()


async def test_the_rule_is_explained_by_examples_with_the_listeners_threshold(house: House) -> None:
    assert (await house.http.post("/threshold", data={"percent": "25"})).status_code == 303
    page = await house.page("/settings")
    assert re.search(r"A track of <b>4:24</b> counts after <b[^>]*>1:06</b>", page)
    assert re.search(r"A track of <b>10:22</b> counts after <b[^>]*>2:35</b>", page)
    for percent in ("24", "101", "half", ""):
        assert (await house.http.post("/threshold", data={"percent": percent})).status_code == 400
    assert (await house.me.account()).threshold == 25


async def test_a_token_is_shown_once_and_can_be_revoked_by_its_owner_alone(house: House) -> None:
    made = await house.http.post("/settings/tokens")
    secret = re.search(r'id="made".*?<code>([^<]+)</code>', made.text, re.DOTALL)
    assert secret is not None
    headers = {"Authorization": f"Bearer {secret[1]}"}
    assert (await house.signed_out.get("/lastfm/settings", headers=headers)).status_code == 200
    page = await house.page("/settings")
    assert secret[1] not in page
    (revoke,) = (form["action"] for form in Tags(page).all("form") if form["action"].endswith("/revoke"))
    assert (await house.signed_out.post(revoke)).status_code == 401
    assert (await house.http.post(revoke)).status_code == 303
    assert (await house.http.post(revoke)).status_code == 404
    assert not [form for form in Tags(await house.page("/settings")).all("form") if form["action"].endswith("/revoke")]


@only_sqlite  # addresses are the same on every database
@pytest.mark.parametrize(
    ("form", "above"),
    [
        ("/settings/tokens", "/settings"),
        ("/settings/erase", "/settings"),
        ("/settings/tokens/0a1b/revoke", "/settings"),
        ("/plays/36/every-time", "/plays/36"),
        ("/history/import/lastfm", "/history/import"),
        ("/household/device", "/household"),
        ("/household/invite", "/household"),
        ("/loved/1", "/loved"),
        ("/connect", "/"),
        ("/retry", "/"),
    ],
)
@pytest.mark.parametrize("path", ["", "/music"])
async def test_a_browser_that_opens_the_address_of_a_form_is_led_to_its_page(
    house: House, path: str, form: str, above: str
) -> None:
    """As when a page that answered a form is restored, or its address is entered again."""
    options = WebOptions(public_url=f"http://localhost{path}")
    app = httpx2.ASGITransport(create_app(house.deck, options))
    async with httpx2.AsyncClient(transport=app, base_url="http://localhost", cookies=house.http.cookies) as browser:
        answer = await browser.get(path + form, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, path + above)
        assert not answer.headers["location"].startswith("//")
        program = await browser.get(path + form)
        assert program.status_code == 405 or form.startswith("/household/")


async def test_the_flow_in_two_steps_waits_until_it_is_allowed(house: House) -> None:
    begun = await house.http.post("/connect/desktop")
    where = begun.headers["location"]
    page = await house.page(where)
    assert "Waiting for your approval" in page
    (form,) = (form for form in Tags(page).all("form") if form["action"] == "/connect/waiting")
    assert form["data-stale-in"] == "3"
    params = {"token": where.partition("token=")[2]}
    open_page = {"HX-Request": "true"}
    assert 'id="waiting"' in (await house.http.post("/connect/waiting", data=params, headers=open_page)).text
    early = (await house.http.post("/connect/waiting", data=params)).headers["location"]
    assert early.startswith(where)
    assert "haven't allowed it yet" in await house.page(early)
    assert "haven't allowed it yet" not in await house.page(where)
    house.emulator.fault("error", error=11, methods=["auth.getSession"])
    away = await house.http.post("/connect/waiting", data=params, headers=open_page)
    assert "Last.fm isn't answering properly" in away.text
    house.emulator.clear_faults()
    house.emulator.approve(params["token"], "RJ")
    allowed = await house.http.post("/connect/waiting", data=params, headers=open_page)
    assert (allowed.status_code, allowed.headers["hx-redirect"]) == (204, "/")
    assert "Connected as <bdi>RJ</bdi>" in await house.page(where)
    again = await house.http.post("/connect/waiting", data=params, headers=open_page)
    assert "Connected as" in again.text
    sent_again = await house.http.post("/connect/waiting", data=params)
    assert (sent_again.status_code, sent_again.headers["location"]) == (303, "/")


async def test_a_sign_in_that_was_cancelled_or_is_someone_elses_has_ended(house: House) -> None:
    where = (await house.http.post("/connect/desktop")).headers["location"]
    params = {"token": where.partition("token=")[2]}
    await house.http.post("/connect/cancel", data=params)
    house.emulator.approve(params["token"], "RJ")
    assert "This sign-in has ended" in await house.page(where)
    assert (await house.http.post("/connect/waiting", data=params)).status_code == 410
    other = await house.deck.listener("other")
    way = await other.sign_in()
    stolen = getattr(way, "token", "")
    await house.http.post("/connect/cancel", data={"token": stolen})
    assert await house.deck.sign_in.asked(other.id, stolen)
    assert "This sign-in has ended" in await house.page(f"/connect/waiting?token={stolen}")
    assert not (await house.me.account()).signed_in


async def test_a_sign_in_that_last_fm_rejects_says_why(house: House) -> None:
    house.emulator.fault("error", error=11)
    answer = await house.http.post("/connect/desktop")
    assert answer.status_code == 502
    assert "Service Offline" in answer.text


async def test_every_play_is_exported_with_what_happened_to_it(house: House) -> None:
    await house.connect()
    for place, name in enumerate(HOSTILE):
        await settled(
            house, "refused", Track(name, name, name, duration=200), ago=1000 + place, reason="Last.fm error 6"
        )
    await queued(house, Track("=1+1", "@cmd", duration=200))
    lines = (await house.http.get("/settings/export?as=jsonl")).text.splitlines()
    exported = [json.loads(line) for line in lines]
    assert len(exported) == len(HOSTILE) + 1
    assert (exported[0]["artist"], exported[0]["fate"]) == ("=1+1", "queued")
    answer = await house.http.get("/settings/export?as=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="tonearm-plays.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == len(exported)
    assert (rows[0]["artist"], rows[0]["track"]) == ("'=1+1", "'@cmd")  # no formula to a spreadsheet
    assert (await house.http.get("/settings/export?as=xml")).status_code == 400
    assert (await house.signed_out.get("/settings/export")).status_code == 401


async def test_what_was_exported_is_all_here_already(house: House, tmp_path: Path) -> None:
    await house.connect()
    for place, name in enumerate(("=1+1", "'-", "''@x", "+/-", "'n' roll", "-")):
        await settled(house, "refused", Track(name, name, name, duration=200), ago=1000 * (1 + place))
    for place, fate in enumerate(("discarded", "suspected", "threshold_not_met")):
        await settled(house, fate, Track(fate, fate, duration=200), ago=20000 + 1000 * place)
    for kind in ("csv", "jsonl"):
        path = tmp_path / f"all.{kind}"
        path.write_bytes((await house.http.get(f"/settings/export?as={kind}")).content)
        (result,) = await house.deck.history_import.run(
            house.me.id, [path], ReadOptions(), lambda done, total: None, apply=False
        )
        assert (result.new, result.known, result.doubtful, sum(result.skipped.values())) == (0, 6, 0, 3)


async def test_an_exported_play_is_as_exact_elsewhere_as_it_was_here(house: House, tmp_path: Path) -> None:
    log = tmp_path / "minutes.csv"
    log.write_text("Nina Simone,Pastel Blues,Sinnerman,17 Nov 2023 18:20\n")

    async def brought(path: Path, listener: Listener) -> list[tuple[Any, ...]]:
        options = ReadOptions(zone=UTC)
        await house.deck.history_import.run(listener.id, [path], options, lambda done, total: None, apply=True)
        wanted = select(play.c.timestamp, play.c.precision, play.c.stamp, play.c.track_number)
        of = wanted.where(play.c.account == listener.id).order_by(play.c.timestamp)
        rows = await house.deck.store.read(lambda db: db.execute(of).all())
        return [(at, precision or 1, stamp or "start", number) for at, precision, stamp, number in rows]

    await house.me.scrobble(Track("Can", "Vitamin C", duration=214.0, track_number=3), started_at=1.7e9, played=214)
    here = await brought(log, house.me)
    assert [row[1] for row in here] == [1, 60]
    assert here[0][3] == 3
    for kind in ("csv", "jsonl"):
        path = tmp_path / f"all.{kind}"
        path.write_bytes((await house.http.get(f"/settings/export?as={kind}")).content)
        assert await brought(path, await house.deck.listener(f"from-{kind}")) == here


async def test_deleting_everything_leaves_nothing_of_this_listener_and_all_of_the_others(house: House) -> None:
    await house.connect()
    await settled(house, "refused", song(1))
    await queued(house, song(2))
    await house.http.post("/settings/tokens")
    await house.deck.accounts.browser(await house.deck.accounts.link(house.me.id))  # another browser, signed out by it
    await house.http.post("/loved/import")
    plex = (await house.deck.players.add(house.me.id, "plex", PlayerKind.PLEX)).player
    await house.deck.players.new_session(plex, "listenbrainz")
    await house.deck.players.add(house.me.id, "Pano", PlayerKind.LASTFM, with_app_key=True)
    await house.deck.players.approvals.allow(await house.deck.players.approvals.ask("Pano"), plex)
    await house.deck.player_reports.hearts(plex, [Heart(song(1), loved=True)])
    playing = Notice(NoticeKind.STARTED, house.deck.clock.now(), song(4), 0.0)
    await house.deck.listening_clocks.notice(plex, WebhookReport(notice=playing), house.me.id)
    other = await house.deck.listener("other")
    await house.deck.players.map_user(plex, "them", other.id)
    await other.scrobble(song(3), started_at=house.deck.clock.now() - 700, played=622)
    wrong = await house.http.post("/settings/erase", data={"name": "somebody"})
    assert wrong.status_code == 422
    assert "Nothing was deleted" in wrong.text
    assert 'value="somebody"' in wrong.text, "the form keeps what was typed, and marks the field"
    assert (await house.me.queue()).queued == 1
    assert (await house.http.post("/settings/erase", data={"name": "me"})).status_code == 303
    page = await house.page()
    assert "Connect your Last.fm profile" in page
    assert "No plays yet." in page

    async def left(account_id: int) -> dict[str, int]:
        tables = (play, scrobble_queue, attempt, library, loved, job_run, login, token, job_failure, erasure)
        of_players = (player, player_user, app_key, device_clock, heart, history_import, viewer, loved_sync)
        of_others = (destination, destination_queue, edit_rule, reported_name, library_key)
        of_figures = (month_part, month_summary, year_summary, summary_name, renamed_name)
        asks = {
            table.name: select(func.count()).where(table.c.account == account_id)
            for table in tables + of_players + of_figures + of_others
        }
        return await house.deck.store.read(
            lambda db: {name: db.execute(ask).scalar_one() for name, ask in asks.items()}
        )

    assert {name: number for name, number in (await left(house.me.id)).items() if number} == {"token": 1}
    assert (await left(other.id))["play"] == 1
    forgotten = {table.name for table in metadata.sorted_tables if "account" in table.c} - set(await left(1))
    assert not forgotten, "a table of listeners' data that deleting everything does not know"
    for table in (player_session, approval):
        assert await house.deck.store.read(partial(number_of, table=table)) == 0
    row = await house.deck.store.read(lambda db: db.execute(select(account).where(account.c.id == house.me.id)).one())
    assert (row.lastfm_session_key, row.lastfm_username) == ("", "")
