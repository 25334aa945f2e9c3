"""Measurements on public repositories, which are named and never copied."""
