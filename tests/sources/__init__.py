"""Tests of where trees come from."""
