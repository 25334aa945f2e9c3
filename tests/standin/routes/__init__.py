"""The operations, one module per part of the API; importing this fills the table of handlers."""

from tests.standin.routes import apps, checks, comments, pulls, repositories, reviews

__all__ = ["apps", "checks", "comments", "pulls", "repositories", "reviews"]
