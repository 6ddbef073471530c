"""Players' protocols: reading what they send and rendering what they expect back, a file for each protocol."""
