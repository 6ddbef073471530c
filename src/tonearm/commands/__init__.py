"""The commands: each asks the settings for what it needs, opens a deck, and prints the result."""
