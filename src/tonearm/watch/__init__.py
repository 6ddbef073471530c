"""Watchers: what players on this machine play, seen from outside, counted and reported."""
