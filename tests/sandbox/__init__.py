"""Tests of the limited process."""
