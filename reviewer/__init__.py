"""Reviewer: reads a pull request of a Next.js or Express repository as the architecture it changes."""

__version__ = "0.1.0"
RULESET = 1
