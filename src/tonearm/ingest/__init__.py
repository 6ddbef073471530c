"""Other players' words: pure reading of what they send, and rendering of what they expect back, a file a protocol."""
