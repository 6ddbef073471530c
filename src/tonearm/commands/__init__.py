"""The commands: each asks the settings for what it needs, opens a deck, and says what came of it."""
