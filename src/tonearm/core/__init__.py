"""The rules: values in, values out. No clock, no chance, no I/O; time and chance are arguments."""
