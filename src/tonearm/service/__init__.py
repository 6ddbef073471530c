"""Use cases: read, ask the core, write. No rule about music lives here."""
