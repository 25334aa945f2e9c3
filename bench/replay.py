"""Reviews the last commits of a repository one by one: ``python -m bench.replay REPOSITORY [--commits 300]``.

Prints every finding a commit introduces and every failure, then how many commits had findings and the time of one
review (base and head analysed, facts of earlier commits kept) at the median and the 95th percentile.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from reviewer.core.finding import Review
from reviewer.sandbox import Analyst, Job
from reviewer.sources import GitRepository


def commits(repository: GitRepository, count: int) -> list[str]:
    """The newest commits that are no merges and have a parent, newest first."""
    listed = repository.run("rev-list", "--no-merges", "--min-parents=1", f"--max-count={count}", "HEAD")
    return listed.decode().split()


def review_commit(analyst: Analyst, repository: GitRepository, commit: str) -> Review:
    head, base = repository.tree(commit), repository.tree(f"{commit}^")
    try:
        return analyst.review(Job(head, base))
    finally:
        head.close()
        base.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--commits", type=int, default=300)
    arguments = parser.parse_args()
    repository = GitRepository(arguments.repository)
    seconds: list[float] = []
    noisy = failed = 0
    with Analyst() as analyst:
        for commit in commits(repository, arguments.commits):
            started = time.perf_counter()
            review = review_commit(analyst, repository, commit)
            seconds.append(time.perf_counter() - started)
            noisy += bool(review.findings)
            for reported in review.findings:
                site, finding = reported.finding.site, reported.finding
                print(f"{commit[:10]} {finding.level} {finding.rule} {site.path}:{site.line} {finding.key}", flush=True)
            for problem in review.problems:
                if problem.kind == "failed":
                    failed += 1
                    print(f"{commit[:10]} failed {problem.path}: {problem.message}", flush=True)
    seconds.sort()
    print(f"{len(seconds)} commits, {noisy} with findings, {failed} failed problems")
    print(f"seconds a review: p50 {seconds[len(seconds) // 2]:.2f}, p95 {seconds[int(len(seconds) * 0.95)]:.2f}")


if __name__ == "__main__":
    main()
