"""The commands: each reads its settings, opens a deck, and prints the result."""
