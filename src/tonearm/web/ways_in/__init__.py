"""Players' own protocols over HTTP: bytes in, an answer out. `ingest` parses and renders them."""
