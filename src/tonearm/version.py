"""The version, alone, so that the build and the User-Agent read it without importing anything."""

__version__ = "0.1.0"
