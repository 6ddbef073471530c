"""The few HTML pages: plain, one column, no script, nothing fetched from elsewhere."""

from __future__ import annotations

from dataclasses import fields
from html import escape
from typing import TYPE_CHECKING, Final

from lastfm_emulator.faults import MEANINGS, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lastfm_emulator.credentials import ApiKey
    from lastfm_emulator.emulator import Emulator
    from lastfm_emulator.faults import Armed

_STYLE: Final = """
:root { color-scheme: light dark; --warm: #b3261e; }
:root { --line: color-mix(in srgb, currentColor 22%, transparent); }
@media (prefers-color-scheme: dark) { :root { --warm: #ff8a80; } }
* { box-sizing: border-box; }
body { font: 1rem/1.55 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 3rem 1.25rem; }
header { color: var(--warm); font-weight: 600; letter-spacing: .02em; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .25rem 0 1rem; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
label { display: block; margin: .9rem 0 .25rem; font-weight: 600; }
input, select, button { font: inherit; padding: .5rem .7rem; }
input, select, button { border: 1px solid var(--line); border-radius: .4rem; }
input, select { width: 100%; background: Field; color: FieldText; }
button { cursor: pointer; background: transparent; color: inherit; }
button.yes { background: #b3261e; border-color: #b3261e; color: #fff; }
:focus-visible { outline: 3px solid #4c8bf5; outline-offset: 2px; }
.row { display: flex; gap: .75rem; margin-top: 1.25rem; flex-wrap: wrap; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: 0 1rem; }
.trouble { color: var(--warm); font-weight: 600; }
ul.faults { list-style: none; padding: 0; }
ul.faults li { border-top: 1px solid var(--line); padding: .6rem 0; }
ul.faults li { display: flex; gap: 1rem; align-items: start; }
ul.faults div { flex: 1; }
code { font-family: ui-monospace, monospace; font-size: .92em; overflow-wrap: anywhere; }
dt { font-weight: 600; margin-top: .6rem; } dd { margin: 0; }
small { opacity: .8; display: block; }
"""


def message(title: str, text: str) -> str:
    """A page with one message."""
    return _page(title, f"<p>{escape(text)}</p>")


def index(emulator: Emulator) -> str:
    keys = "".join([f"<dt>Key</dt><dd><code>{escape(key)}</code></dd>" for key in emulator.keys])
    return _page(
        "A Last.fm that answers",
        f"""<p>This is an emulator: a Last.fm in memory, for trying out and testing what scrobbles.</p>
<dl><dt>API</dt><dd><code>/2.0/</code></dd><dt>Approval</dt><dd><code>/api/auth/?api_key=…</code></dd>{keys}</dl>
<p><a href="/_faults">Faults</a> · <a href="/_state">State</a> · <a href="/api/auth/?forget=1">Sign out</a></p>""",
    )


def consent(emulator: Emulator, key: ApiKey, params: Mapping[str, str], trouble: str = "") -> str:
    """The page that asks whether an application may scrobble, and as whom."""
    hidden = "".join([_hidden(name, params[name]) for name in ("api_key", "cb", "token") if name in params])
    names = [user.name for user in emulator.users.values()]
    choices = "".join([f'<option value="{escape(name)}">' for name in names])
    first = escape(params.get("user") or (names[0] if names else ""))
    return _page(
        f"Connect {key.name}?",
        f"""<p>It would like to scrobble what you play, show what you are listening to,
and mark what you love.</p>
{_trouble(trouble)}<form method="post" action="/api/auth/">{hidden}
<label for="user">Your Last.fm user name</label>
<input id="user" name="user" value="{first}" list="users" autocomplete="username" autocapitalize="none"
 spellcheck="false"><datalist id="users">{choices}</datalist>
<div class="row"><button class="yes" name="answer" value="allow">Yes, allow access</button>
<button name="answer" value="deny">No, thanks</button></div></form>""",
    )


def faults(emulator: Emulator, trouble: str = "") -> str:
    """The active faults, and a form for another one."""
    armed = "".join([_armed(one) for one in emulator.faults])
    kinds = "".join([f'<option value="{kind}">{kind}</option>' for kind in MEANINGS])
    meanings = "".join([f"<dt>{kind}</dt><dd>{_marked(text)}</dd>" for kind, text in MEANINGS.items()])
    return _page(
        "Faults",
        f"""<p>What goes wrong from now on. {emulator.journal.total} requests so far;
<a href="/_state">all that is known</a>.</p>{_trouble(trouble)}
<ul class="faults">{armed or "<li>None: everything works.</li>"}</ul>
{_clear(bool(armed))}<h2>One more</h2><form method="post" action="/_faults">
<label for="kind">Kind</label><select id="kind" name="kind">{kinds}</select>
<div class="grid">{"".join([_field(name, hint) for name, hint in _HINTS.items()])}</div>
<div class="row"><button class="yes">Switch on</button></div></form>
<h2>What they do</h2><dl>{meanings}</dl>""",
    )


_HINTS: Final = {
    "methods": "such as track.scrobble; empty: all",
    "user": "one account only",
    "calls": "how many calls; empty: no end",
    "after": "let so many pass first",
    "probability": "from 0 to 1",
    "until": "Unix seconds",
    "error": "number of the API error",
    "message": "its text",
    "status": "HTTP status",
    "seconds": "for delays and clocks",
    "by": "how many too many or few",
    "code": "why a play is ignored",
    "plays": "how many in 24 hours",
    "commit": "true or false: carry it out all the same",
}


def _field(name: str, hint: str) -> str:
    return (
        f'<div><label for="{name}">{name}</label>'
        f'<input id="{name}" name="{name}" aria-describedby="{name}-hint">'
        f'<small id="{name}-hint">{escape(hint)}</small></div>'
    )


def _armed(one: Armed) -> str:
    facts = [
        f"{part.name} {getattr(one.fault, part.name)}"
        for part in fields(Fault)
        if part.name != "kind" and getattr(one.fault, part.name) != part.default
    ]
    return (
        f"<li><div><strong>{one.fault.kind}</strong> {escape(', '.join(facts))}"
        f"<small>struck {one.struck} of {one.seen} calls</small></div>"
        f'<form method="post" action="/_faults">{_hidden("remove", str(one.fault_id))}'
        f'<button aria-label="Switch off {one.fault.kind}">Switch off</button></form></li>'
    )


def _clear(any_armed: bool) -> str:
    if not any_armed:
        return ""
    return f'<form method="post" action="/_faults">{_hidden("remove", "")}<button>Switch all off</button></form>'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _trouble(text: str) -> str:
    return f'<p class="trouble" role="alert">{escape(text)}</p>' if text else ""


def _marked(text: str) -> str:
    parts = escape(text).split("`")
    return "".join([f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)])


def _page(title: str, content: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body><header>Last.fm emulator</header><main><h1>{escape(title)}</h1>
{content}
</main></body></html>
"""
