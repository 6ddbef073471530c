"""`tonearm jobs`: show and control background jobs in all processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import ListByDefault, with_json
from tonearm.commands.output import moment, print_result

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.service.job_list import JobList, ListedJob
    from tonearm.settings import Settings

KINDS = ("deliver", "love", "import", "enrich", "history", "destination")
KIND = click.Choice(KINDS)


class _JobIdParam(click.ParamType[tuple[str, int]]):
    """KIND-NUMBER, as the list shows it."""

    name = "id"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        kind, _, account = str(value).rpartition("-")
        if kind not in KINDS or not (account.isascii() and account.isdigit() and len(account) < 19):
            self.fail(f"{value!r} isn't a job id: 'tonearm jobs' lists them, such as deliver-1", param, ctx)
        return kind, int(account)


@click.group(cls=ListByDefault)
def jobs() -> None:
    """Show and control background jobs in all processes. Without a subcommand: `list`.

    Their kinds: deliver (plays to Last.fm), love (loved tracks to Last.fm), destination (both to other services),
    import (loved tracks from Last.fm), history (plays from Last.fm), enrich (facts about songs).
    """


@jobs.command("list")
@with_json
def show(settings: Settings, as_json: bool) -> None:
    """Show the jobs of all listeners."""
    from tonearm.commands.opening import run_on

    overview, delivering = run_on(settings, _overview)
    kinds = [{"kind": kind, "paused": kind in overview.paused} for kind in KINDS]
    facts = {"kinds": kinds, "jobs": [_facts(job) for job in overview.jobs], "delivering": delivering}
    print_result(facts, "\n".join(_lines(overview, delivering)), as_json)


async def _overview(deck: Deck) -> tuple[JobList, int]:
    return await deck.jobs.overview(), await deck.senders()


def _facts(job: ListedJob) -> dict[str, object]:
    facts = ("id", "kind", "listener", "state", "owner", "until", "tries", "why", "done", "total")
    return {name: getattr(job, "reason" if name == "why" else name) for name in facts}


def _lines(overview: JobList, delivering: int) -> list[str]:
    lines = [f"{kind} is paused: run 'tonearm jobs resume {kind}'" for kind in KINDS if kind in overview.paused]
    if overview.jobs and not delivering:
        lines.append("no process is sending: start 'tonearm serve', or on PostgreSQL 'tonearm worker'")
    for job in overview.jobs:
        progress = f"{job.done} of {job.total}" if job.total else ""
        tries = f"failed {job.tries} time{'s' if job.tries != 1 else ''}" if job.tries else ""
        until = f"until {moment(job.until)}" if job.until else ""
        about = ", ".join(filter(None, (progress, tries, job.reason, job.owner, until)))
        lines.append(f"{job.id:12}  {job.listener:16}  {job.state:8}  {about}".rstrip())
    return lines if overview.jobs else [*lines, "no jobs"]


@jobs.command()
@with_json
@click.argument("job", metavar="ID", type=_JobIdParam())
def retry(settings: Settings, as_json: bool, job: tuple[str, int]) -> None:
    """Retry a waiting or failed job now."""
    _change(settings, "retry", job, as_json)


@jobs.command()
@with_json
@click.argument("job", metavar="ID", type=_JobIdParam())
def cancel(settings: Settings, as_json: bool, job: tuple[str, int]) -> None:
    """Stop a running job. No play is lost; sending starts again unless its kind is paused."""
    _change(settings, "cancel", job, as_json)


def _change(settings: Settings, action: str, job: tuple[str, int], as_json: bool) -> None:
    from tonearm.commands.opening import run_on
    from tonearm.service.jobs import JobBusy

    outcome = run_on(settings, lambda deck: (deck.jobs.retry if action == "retry" else deck.jobs.cancel)(*job))
    if isinstance(outcome, JobBusy):
        raise Failed(f"{job[0]}-{job[1]}: {outcome.reason}")
    print_result({"status": "success", "message": outcome.message}, outcome.message, as_json)


@jobs.command()
@with_json
@click.argument("kind", type=KIND)
def pause(settings: Settings, as_json: bool, kind: str) -> None:
    """Pause a kind of job in every process. Running jobs finish."""
    _set(settings, kind, True)
    print_result({"status": "success", "kind": kind, "paused": True}, f"{kind} paused", as_json)


@jobs.command()
@with_json
@click.argument("kind", type=KIND)
def resume(settings: Settings, as_json: bool, kind: str) -> None:
    """Resume a paused kind of job."""
    _set(settings, kind, False)
    print_result({"status": "success", "kind": kind, "paused": False}, f"{kind} resumed", as_json)


def _set(settings: Settings, kind: str, paused: bool) -> None:
    from tonearm.commands.opening import run_on

    run_on(settings, lambda deck: (deck.jobs.pause if paused else deck.jobs.resume)(kind))
