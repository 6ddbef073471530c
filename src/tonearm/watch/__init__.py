"""Watchers: observe what players on this machine play, count it and report it."""
