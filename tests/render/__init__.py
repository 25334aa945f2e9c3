"""Tests of how reviews are written."""
