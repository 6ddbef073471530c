"""HTTP: the `/lastfm` endpoints, events, pages. Reads a request, asks a use case, writes its answer."""
