"""Replays commits as pull requests through the whole service: ``python -m bench.service REPOSITORY [--commits 100]``.

Each pull request is opened with one commit and gets the next one as a push; the service runs as a process of its own
against the stand-in on this machine. Prints what was concluded, what GitHub would have refused, how many requests a
review took, and the seconds from delivery to concluded check. With ``--kill N`` the service is killed N times at random
moments while all pull requests are open at once, and what is lost or doubled is counted. The word ``sample`` instead of
a repository stands for copies of the sample pull request, each of which gets comments and a failing check.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.replay import commits
from fixtures.materialise import commit_all, git, materialise
from reviewer.sources import GitRepository
from tests.service.process import ServiceProcess, running, until
from tests.standin import GitHub, PullRequest, Repository

SECONDS = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--kill", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source: Path = arguments.repository
        if str(source) == "sample":
            source, chosen = _samples(Path(folder) / "sample", arguments.commits)
        else:
            chosen = commits(GitRepository(source), arguments.commits)[::-1]
        _run(Path(folder), source, chosen, arguments)


def _run(folder: Path, source: Path, chosen: Sequence[str], arguments: argparse.Namespace) -> None:
    with _hosted(source, folder) as (github, hosted):
        with running(github, folder / "service") as service:
            if arguments.kill:
                _chaos(github, hosted, service, chosen, arguments.kill, random.Random(arguments.seed))  # noqa: S311
            else:
                _replay(github, hosted, service, chosen)
        print(f"what GitHub would have refused: {len(github.violations)}, answered 422: {_refused(github)}")
        for violation in github.violations[:10]:
            print(f"  {violation}")


def _samples(folder: Path, count: int) -> tuple[Path, list[str]]:
    """A repository with copies of the sample change, each a commit of its own on the same base."""
    folder.mkdir()
    base, head = materialise("live-orders", folder)
    made = []
    for number in range(count):
        git(folder, "checkout", "--quiet", "--detach", base)
        git(folder, "checkout", "--quiet", head, "--", ".")
        (folder / "note.txt").write_text(f"{number}\n", encoding="utf-8")
        made.append(commit_all(folder, f"sample {number}"))
        git(folder, "branch", f"sample-{number}", made[-1])
    return folder, made


@contextmanager
def _hosted(source: Path, folder: Path) -> Iterator[tuple[GitHub, Repository]]:
    bare = folder / "origin.git"
    git(folder, "clone", "--quiet", "--bare", "--shared", str(source), str(bare))
    with GitHub() as github:
        repository = github.add_repository("acme/product", bare)
        github.install("acme", [repository])
        yield github, repository


def _refused(github: GitHub) -> int:
    return sum(request.status == 422 for request in github.requests)


def _open(github: GitHub, repository: Repository, index: int, commit: str) -> PullRequest:
    git(repository.path, "branch", "--force", f"base-{index}", f"{commit}^")
    return github.open_pull(repository, head=commit, base=f"base-{index}", title=f"{index}", author="octocat")


def _is_done(github: GitHub, head: str) -> bool:
    runs = github.check_runs(head)
    return bool(runs) and all(run.status == "completed" for run in runs)


# -- one after another --------------------------------------------------


def _replay(github: GitHub, repository: Repository, service: ServiceProcess, chosen: Sequence[str]) -> None:
    seconds: list[float] = []
    asked: dict[str, Counter[int]] = {"first": Counter(), "push": Counter()}
    conclusions: Counter[str] = Counter()
    doubled = 0
    for index, commit in enumerate(chosen):
        github.clear_requests()
        started = time.perf_counter()
        if index % 2 == 0:
            pull = _open(github, repository, index, commit)
        else:
            github.push(pull, commit)
        until(lambda head=commit: _is_done(github, head), SECONDS, service.said)  # type: ignore[misc]
        seconds.append(time.perf_counter() - started)
        asked["push" if index % 2 else "first"][_about_repositories(github)] += 1
        (run,) = github.check_runs(commit)[:1]
        conclusions[run.conclusion or ""] += 1
        doubled += len(github.check_runs(commit)) > 1 or _is_doubled(github, pull)
        if run.conclusion != "success" or run.annotations:
            print(f"{commit[:10]} {run.conclusion}: {run.output['title']}", flush=True)
    seconds.sort()
    print(f"{len(seconds)} reviews: {json.dumps(conclusions)}, doubled: {doubled}")
    print(f"requests, first review: {dict(asked['first'])}, push: {dict(asked['push'])} (without tokens, git apart)")
    middle, slow = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.95)]
    print(f"seconds to the concluded check: p50 {middle:.2f}, p95 {slow:.2f}")


def _about_repositories(github: GitHub) -> int:
    return sum("/repos/" in request.path for request in github.requests)


def _is_doubled(github: GitHub, pull: PullRequest) -> bool:
    """Whether a comment stands on the pull request twice, or a head has two reviews."""
    comments = Counter((c.path, c.line, c.body) for c in github.comments(pull))
    reviews = Counter(r.body for r in github.reviews(pull))
    return any(count > 1 for count in (*comments.values(), *reviews.values()))


# -- all at once, with the service killed in between --------------------------------------------------


def _chaos(
    github: GitHub,
    repository: Repository,
    service: ServiceProcess,
    chosen: Sequence[str],
    kills: int,
    dice: random.Random,
) -> None:
    pulls = [_open(github, repository, index, commit) for index, commit in enumerate(chosen)]
    for _ in range(kills):
        time.sleep(dice.uniform(0.1, 2.5))
        service.kill()
        service.start()
    until(lambda: all(_is_done(github, commit) for commit in chosen), SECONDS, service.said)
    time.sleep(2)  # whatever would be written a second time
    runs = {commit: github.check_runs(commit) for commit in chosen}
    print(f"{len(pulls)} pull requests, {kills} kills")
    print(f"without a concluded check: {sum(not _is_done(github, commit) for commit in chosen)}")
    print(f"with two check runs: {sum(len(found) > 1 for found in runs.values())}")
    print(f"with a doubled review or comment: {sum(_is_doubled(github, pull) for pull in pulls)}")
    titles = Counter(f"{found[0].conclusion}: {found[0].output['title']}" for found in runs.values())
    print("\n".join(f"{count} x {title}" for title, count in titles.items()))


if __name__ == "__main__":
    main()
