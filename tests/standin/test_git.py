"""Fetching from the stand-in with git itself."""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
from pathlib import Path

import pytest

from fixtures.materialise import git
from tests.helpers import commit
from tests.standin.client import Shop, client


def fetch(shop: Shop, folder: Path, *args: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    """``git fetch`` into a new bare repository, with the token in a header."""
    if not folder.exists():
        subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True)
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
    secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    header = ["-c", f"http.extraHeader=Authorization: Basic {secret}"] if token else []
    url = f"{shop.github.git_url}/{shop.repository.full_name}.git"
    command = ["git", "-C", str(folder), *header, "fetch", "--quiet", *args[:-1], url, args[-1]]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_head_is_fetched_shallow_and_without_large_blobs(shop: Shop, tmp_path: Path) -> None:
    folder = shop.repository.path
    git(folder, "checkout", "--quiet", "feature")
    commit(folder, {"large.bin": os.urandom(1_200_000)})
    shop.github.push(shop.pull, deliver=False)
    ref = f"refs/pull/{shop.pull.number}/head"
    done = fetch(shop, tmp_path / "c", "--depth=1", "--filter=blob:limit=1m", ref, token=shop.token)
    assert done.stderr == ""
    assert git(tmp_path / "c", "rev-parse", "FETCH_HEAD").strip() == shop.pull.head_sha
    missing = git(tmp_path / "c", "rev-list", "--objects", "--missing=print", "FETCH_HEAD")
    large = git(folder, "rev-parse", "feature:large.bin").strip()
    assert [line for line in missing.split("\n") if line.startswith("?")] == [f"?{large}"]
    again = fetch(shop, tmp_path / "c", "--depth=1", large, token=shop.token)
    assert again.stderr == ""
    told = [(r.method, r.path.rsplit("/", 1)[-1], r.status) for r in shop.github.git_requests]
    assert told[:2] == [("GET", "refs", 200), ("POST", "git-upload-pack", 200)]


def test_any_commit_is_fetched_by_its_id(shop: Shop, tmp_path: Path) -> None:
    folder = shop.repository.path
    hidden = git(folder, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "on no branch").strip()
    assert fetch(shop, tmp_path / "c", "--depth=1", hidden, token=shop.token).stderr == ""


@pytest.mark.parametrize("kind", ["none", "wrong", "expired", "outside", "no contents"])
def test_a_private_repository_needs_a_good_token(shop: Shop, tmp_path: Path, kind: str) -> None:
    token = {"none": None, "wrong": "ghs_wrong"}.get(kind, "")
    if kind == "expired":
        token = shop.token
        shop.github.expire_tokens()
    elif kind == "outside":
        token = shop.token
        shop.github.remove_from_installation(shop.installation, shop.repository)
    elif kind == "no contents":
        token = str(shop.mint(permissions={"checks": "read"}).json()["token"])
    done = fetch(shop, tmp_path / "c", "main", token=token)
    assert done.returncode != 0
    expected = {"outside": 404, "no contents": 403}.get(kind, 401)
    assert {request.status for request in shop.github.git_requests} == {expected}


def test_a_public_repository_is_open_but_a_wrong_token_is_not(shop: Shop, tmp_path: Path) -> None:
    shop.repository.private = False
    assert fetch(shop, tmp_path / "c", "main").returncode == 0
    assert fetch(shop, tmp_path / "d", "main", token="ghs_wrong").returncode != 0  # noqa: S106 (no password)


def test_git_follows_a_rename(shop: Shop, tmp_path: Path) -> None:
    shop.repository.private = False
    before = shop.repository.full_name
    shop.github.rename(shop.repository, f"{before}-new")
    url = f"{shop.github.git_url}/{before}.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", url, str(tmp_path / "c")], check=True, capture_output=True)
    assert git(tmp_path / "c", "rev-parse", "feature").strip() == shop.pull.head_sha


def test_pushing_is_refused(shop: Shop) -> None:
    url = f"{shop.github.git_url}/{shop.repository.full_name}.git/info/refs?service=git-receive-pack"
    assert client().get(url, headers={"Authorization": f"Bearer {shop.token}"}).status_code == 403
    assert "only fetching" in shop.github.violations.pop()


def test_a_zipped_request_is_understood(shop: Shop) -> None:
    url = f"{shop.github.git_url}/{shop.repository.full_name}.git/git-upload-pack"
    headers = {"Git-Protocol": "version=2", "Content-Encoding": "gzip", "Authorization": f"token {shop.token}"}
    body = gzip.compress(b"0014command=ls-refs\n0000")
    answer = client().post(url, content=body, headers=headers)
    assert f"{shop.pull.head_sha} refs/heads/feature".encode() in answer.content


def test_a_fault_hits_git_too(shop: Shop, tmp_path: Path) -> None:
    shop.github.fail("GET", r"/info/refs$", 503)
    assert "503" in fetch(shop, tmp_path / "c", "main", token=shop.token).stderr
