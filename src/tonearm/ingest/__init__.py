"""Players' protocols: parses what players send and renders what they expect back, with a file for each protocol."""
