"""The rules: values in, values out. No clock, no randomness, no I/O: time and randomness are arguments."""
