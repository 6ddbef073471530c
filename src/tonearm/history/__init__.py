"""Listening histories in files: recognised by content, read as a stream, and written for other services."""
