"""How fast tonearm is, measured: `./run bench NAME --json`."""
