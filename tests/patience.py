"""How long tests wait for what should come at once."""

PATIENCE = 240.0
"""Seconds: a busy machine is slow, not wrong. What never comes fails its test before every test's time limit does."""
