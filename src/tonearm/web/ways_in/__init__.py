"""Players' own protocols over HTTP: bytes in, an answer out. What they mean is read and rendered in `ingest`."""
