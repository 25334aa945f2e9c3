"""The engine: values in, values out; no I/O, clock, environment or logging."""
