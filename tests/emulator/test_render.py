"""The formats: JSON, JSONP, XML with and without its wrapper, of both backends."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from lastfm_emulator.render import Body, render, render_error, to_xml

from .caller import NOW, Caller

BODY: Body = {
    "things": {
        "thing": [{"#text": 'a "b" <c> & d', "size": 'x"y'}, {"name": "", "rank": 2}],
        "silent": {"code": "0", "#text": None},
        "empty": {"#text": " ", "@attr": {"artist": "Can"}},
        "@attr": {"total": 2},
    }
}
NEW = b"""<?xml version="1.0" encoding="UTF-8"?>
<lfm status="ok">
  <things total="2">
    <thing size="x&quot;y">a &quot;b&quot; &lt;c&gt; &amp; d</thing>
    <thing>
      <name></name>
      <rank>2</rank>
    </thing>
    <silent code="0"></silent>
    <empty artist="Can"> </empty>
  </things>
</lfm>
"""


def test_xml_is_the_default(rj: Caller) -> None:
    reply = rj.ask("track.scrobble", format=None, artist="Low", track="Sunflower", timestamp=NOW)
    assert dict(reply.headers) == {"Content-Type": "text/xml; charset=UTF-8"}
    root = ElementTree.fromstring(reply.body)
    assert root.attrib == {"status": "ok"}
    assert root[0].attrib == {"accepted": "1", "ignored": "0"}
    assert {child.tag for child in root[0][0]} == {
        "track",
        "artist",
        "album",
        "albumArtist",
        "timestamp",
        "ignoredMessage",
    }


def test_json_says_what_it_is() -> None:
    media, text = render(BODY, {"format": "JSON"})
    assert media == "application/json"
    assert text.startswith(b'{"things":{"thing":[{"#text":"a \\"b\\" <c> & d"')
    assert b'"silent":{"code":"0"}' in text


def test_the_new_backend_indents_and_the_old_one_does_not() -> None:
    assert to_xml(BODY) == NEW
    old = to_xml(BODY, old=True).decode().splitlines()
    assert old[0] == '<?xml version="1.0" encoding="UTF-8" ?>'
    assert old[1:] == [line.strip() for line in NEW.decode().splitlines()[1:]]


def test_raw_xml_has_no_wrapper() -> None:
    media, text = render(BODY, {"raw": "true"})
    assert media == "text/xml; charset=UTF-8"
    assert ElementTree.fromstring(text).tag == "things"
    assert b"lfm" not in text


@pytest.mark.parametrize(("callback", "calls"), [("cb", True), ("$.my_1[0]", True), ("alert(1)//", False)])
def test_a_callback_is_called_if_it_is_a_name(callback: str, calls: bool) -> None:
    media, text = render({"a": 1}, {"format": "json", "callback": callback})
    assert media.startswith("text/javascript" if calls else "application/json")
    assert text == (f'{callback}({{"a":1}});' if calls else '{"a":1}').encode()


def test_an_error_has_the_form_of_its_backend() -> None:
    asked = {"format": "json"}
    assert render_error(6, "No", asked) == ("application/json", b'{"message":"No","error":6}')
    assert render_error(6, "No", asked, old=True)[1] == b'{"error":6,"message":"No","links":[]}'
    assert render_error(6, "No", asked | {"callback": "cb"})[1] == b'cb({"message":"No","error":6});'
    assert render_error(6, "No", {})[1] == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<lfm status="failed">\n  <error code="6">No</error>\n</lfm>\n'
    )
