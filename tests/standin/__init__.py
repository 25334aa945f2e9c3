"""A strict stand-in for GitHub, for tests and the demo: REST, GraphQL, git and webhooks on one port."""

from tests.standin.github import GitHub
from tests.standin.model import (
    App,
    CheckRun,
    Comment,
    Delivery,
    Installation,
    IssueComment,
    PullRequest,
    Repository,
    Request,
    Review,
)

__all__ = [
    "App",
    "CheckRun",
    "Comment",
    "Delivery",
    "GitHub",
    "Installation",
    "IssueComment",
    "PullRequest",
    "Repository",
    "Request",
    "Review",
]
