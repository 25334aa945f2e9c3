"""Tests of what GitHub sends."""
