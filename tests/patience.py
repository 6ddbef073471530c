"""How long tests wait for what should come at once, and how often they look for it."""

import asyncio
import time

PATIENCE = 240.0
"""Seconds: a busy machine is slow, not wrong. What never comes fails its test before every test's time limit does."""

LOOK = 0.01
"""Seconds between two looks: whoever looks all the time takes the processor from those who are waited for."""


def pause() -> None:
    """Wait until the next look."""
    time.sleep(LOOK)


async def async_pause() -> None:
    """The same where others run in the same loop."""
    await asyncio.sleep(LOOK)
