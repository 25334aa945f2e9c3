"""Tests of the engine: syntax, facts, resolution, configuration and rule pages."""
