"""The colour of a cover: its strongest hue, in grounds on which all text can be read."""

from __future__ import annotations

import colorsys
import re

import pytest

from tests.conftest import ROOT
from tonearm.core.tint import DARK, LIGHT, Rgb, Tint, contrast, in_hex, luminance, tint

RED, GREEN, GREY, BLACK, WHITE = (220, 20, 30), (20, 160, 60), (128, 128, 128), (0, 0, 0), (255, 255, 255)

ON_THE_GROUND = ("ink", "soft", "accent", "bad", "good")
"""The colours in which the pages write beside their cards."""


def written_in() -> list[dict[str, Rgb]]:
    """The colours of the stylesheet, of the light scheme and of the dark one."""
    sheet = (ROOT / "src/tonearm/web/static/page.css").read_text()
    light, dark = sheet.split("(prefers-color-scheme: dark)", 1)
    schemes = []
    for scheme in (light, dark[:2000]):
        found = {name: bytes.fromhex(value) for name, value in re.findall(r"--([\w-]+): #([0-9a-f]{6});", scheme)}
        schemes.append({name: (red, green, blue) for name, (red, green, blue) in found.items()})
    return schemes


def test_text_can_be_read_on_every_ground() -> None:
    light, dark = written_in()
    for tenth in range(0, 3600, 25):
        for strength in range(11):
            cover = Tint(tenth / 3600, strength / 10)
            grounds = cover.light, cover.dark
            for name in ON_THE_GROUND:
                assert contrast(light[name], grounds[0]) >= 4.5, (name, cover)
                assert contrast(dark[name], grounds[1]) >= 4.5, (name, cover)


@pytest.mark.parametrize(
    ("pixels", "hue"),
    [([RED] * 9, 357), ([GREY] * 90 + [RED] * 10, 357), ([GREEN] * 6 + [RED] * 3 + [WHITE] * 20, 137)],
)
def test_the_hue_is_the_one_that_is_seen_most(pixels: list[Rgb], hue: int) -> None:
    found = tint(pixels)
    assert round(found.hue * 360) == hue
    assert found.saturation > 0.2


@pytest.mark.parametrize(
    ("pixels", "hue", "saturation"),
    [
        ([(100, 80, 60)], 30, 0.25 + 2 * 40 / 255),
        ([(60, 80, 100)], 210, 0.25 + 2 * 40 / 255),
        ([(60, 100, 80)], 150, 0.25 + 2 * 40 / 255),
        ([(100, 60, 80)], 330, 0.25 + 2 * 40 / 255),
        ([(100, 60, 60), (100, 60, 60), (60, 60, 100), GREY], 0, 0.25 + 2 * 120 / 255 / 4),
        ([RED] * 9, 357, 1),
        pytest.param([(100, 49, 49)] + [GREY] * 4, 0, 0.33, id="the least colour that is no grey"),
    ],
)
def test_a_tint_is_the_hue_and_is_stronger_the_more_colour_there_is(
    pixels: list[Rgb], hue: int, saturation: float
) -> None:
    found = tint(pixels)
    assert found.hue * 360 == pytest.approx(hue)
    assert found.saturation == pytest.approx(saturation)


@pytest.mark.parametrize("cover", [Tint(0.08, 0.3), Tint(0.36, 0.5), Tint(0.66, 0.1), Tint(0.9, 0.0)])
def test_a_ground_is_the_strongest_on_which_text_can_be_read(cover: Tint) -> None:
    steps = [colorsys.hls_to_rgb(cover.hue, step / 255, cover.saturation) for step in range(256)]
    colours = [(round(red * 255), round(green * 255), round(blue * 255)) for red, green, blue in steps]
    assert cover.light == next(colour for colour in colours if luminance(colour) >= LIGHT)
    assert cover.dark == [colour for colour in colours if luminance(colour) <= DARK][-1]


@pytest.mark.parametrize(
    ("colour", "light"),
    [
        (BLACK, 0),
        (WHITE, 1),
        ((10, 10, 10), 0.003035),
        ((11, 11, 11), 0.003347),
        (GREY, 0.215861),
        ((0, 255, 0), 0.7152),
    ],
)
def test_the_luminance_of_a_colour_is_that_of_the_standard(colour: Rgb, light: float) -> None:
    assert luminance(colour) == pytest.approx(light, abs=1e-6)


@pytest.mark.parametrize("pixels", [[], [GREY] * 5, [BLACK, WHITE], [(128, 128, 130)] * 9])
def test_a_cover_without_colour_gives_a_grey_ground(pixels: list[Rgb]) -> None:
    found = tint(pixels)
    assert found == Tint(0.0, 0.0)
    red, green, blue = found.light
    assert red == green == blue


def test_a_colour_is_kept_as_it_is() -> None:
    cover = Tint(0.25, 0.5)
    assert Tint.unpacked(cover.packed()) == cover
    assert Tint.unpacked(b"") is None
    assert in_hex((1, 16, 255)) == "#0110ff"
    assert contrast(BLACK, WHITE) == contrast(WHITE, BLACK) == 21
