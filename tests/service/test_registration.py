"""``reviewer register`` against the stand-in: the command as a process, and a client in the browser's place."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from reviewer.service import values
from reviewer.service.registration import CannotRegister, wanted
from reviewer.service.settings import Settings, load
from reviewer.service.values import Wrong
from tests.service.process import ROOT, free_port, until
from tests.standin import GitHub

URL = "https://reviewer.example.com"


class Registering:
    """``reviewer register`` with a folder of its own."""

    def __init__(self, github: GitHub, folder: Path, *options: str, port: int = 0) -> None:
        self.github, self.folder = github, folder / "app"
        self.folder.mkdir(exist_ok=True)
        self.port = port or free_port()
        self.log = folder / "output"
        words = ["register", "--url", URL, "--github", github.git_url, "--port", str(self.port), *options]
        command = [sys.executable, "-m", "reviewer", *words, "--folder", str(self.folder)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )
        self.address = f"http://127.0.0.1:{self.port}"
        self.browser = httpx.Client(trust_env=False)
        self.pages: list[str] = []

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def open(self) -> httpx.Response:
        """The page with the form, as soon as it is there."""
        until(lambda: f"Open {self.address}/ " in self.said() or self.process.poll() is not None, explain=self.said)
        return self.get(f"{self.address}/")

    def get(self, url: str, **headers: str) -> httpx.Response:
        answer = self.browser.get(url, headers=headers)
        self.pages.append(answer.text + repr(answer.headers))
        return answer

    def submit(self, page: httpx.Response) -> str:
        """Presses the button; where GitHub sends the browser."""
        action, manifest = form(page)
        answer = self.browser.post(action, data={"manifest": manifest})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def end(self) -> int:
        return self.process.wait(timeout=20)


def form(page: httpx.Response) -> tuple[str, str]:
    """Where the form goes, and the manifest in it."""
    action = re.search(r'<form method="post" action="([^"]*)">', page.text)
    manifest = re.search(r'<input type="hidden" name="manifest" value="([^"]*)">', page.text)
    assert action is not None
    assert manifest is not None
    assert page.text.count("<button>") == 1
    return html.unescape(action[1]), html.unescape(manifest[1])


@pytest.fixture(scope="module")
def standin() -> Iterator[GitHub]:
    with GitHub() as github:
        yield github


@pytest.fixture
def github(standin: GitHub) -> Iterator[GitHub]:
    standin.gives_secrets = True
    standin.mend()
    yield standin
    assert standin.violations == []


@pytest.fixture
def registering(github: GitHub, tmp_path: Path) -> Iterator[Registering]:
    found = Registering(github, tmp_path)
    yield found
    stop(found)


def stop(registering: Registering) -> None:
    registering.browser.close()
    if registering.process.poll() is None:
        registering.process.kill()
        registering.process.wait()
    assert_no_secrets(registering)


def assert_no_secrets(registering: Registering) -> None:
    app = registering.github.app
    for text in (registering.said(), *registering.pages):
        assert app.webhook_secret not in text
        assert registering.github.client_secret not in text
        assert "PRIVATE KEY" not in text


def loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("REVIEWER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    return load()


def test_the_app_is_registered_and_its_settings_load(registering: Registering, monkeypatch: pytest.MonkeyPatch) -> None:
    app, folder = registering.github.app, registering.folder
    done = registering.get(registering.submit(registering.open()))
    assert (done.status_code, registering.end()) == (200, 0)
    assert sorted(os.listdir(folder)) == [".env", "private-key.pem"]
    for name in os.listdir(folder):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    settings = loaded(folder, monkeypatch)
    assert (settings.app_id, settings.private_key.get_secret_value()) == (str(app.id), app.private_key)
    assert [secret.get_secret_value() for secret in settings.webhook_secrets] == [app.webhook_secret]
    assert (settings.github_api_url, settings.public_url) == (registering.github.api_url, URL)
    assert settings.git_url == registering.github.git_url


def test_the_page_and_the_terminal_say_what_comes_next(registering: Registering) -> None:
    done = registering.get(registering.submit(registering.open()))
    assert registering.end() == 0
    install = f"{registering.github.git_url}/apps/reviewer/installations/new"
    for text in (html.unescape(done.text), registering.said()):
        assert install in text
        assert "'reviewer serve'" in text
        assert f"{URL}/webhook" in text
        assert "require the check 'reviewer'" in text
    assert "Traceback" not in registering.said()


def test_the_page_says_what_will_be_asked_for(registering: Registering) -> None:
    page = registering.open()
    manifest = json.loads(form(page)[1])
    for name, level in manifest["default_permissions"].items():
        assert f"<td>{level} {name.replace('_', ' ')}</td><td>" in page.text
    assert "<td></td>" not in page.text
    assert ", ".join(manifest["default_events"]) in page.text
    assert manifest["redirect_url"] == f"{registering.address}/registered"


def test_an_organisation_and_a_name_can_be_chosen(github: GitHub, tmp_path: Path) -> None:
    found = Registering(github, tmp_path, "--org", "acme", "--name", "Reviewer <of> acme")
    found.get(found.submit(found.open()))
    assert found.end() == 0
    assert (github.registrations[-1].owner, github.registrations[-1].manifest["name"]) == ("acme", "Reviewer <of> acme")
    stop(found)


def test_the_page_posts_to_that_github_alone_and_is_not_kept(registering: Registering) -> None:
    headers = registering.open().headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["form-action"] == registering.github.git_url
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/registered?code=a&state=b", "/nothing"])
def test_another_host_name_gets_nothing(registering: Registering, path: str) -> None:
    registering.open()
    for host in ("evil.example", f"evil.example:{registering.port}", "127.0.0.1", f"127.0.0.1:{registering.port + 1}"):
        answer = registering.get(f"{registering.address}{path}", Host=host)
        assert (answer.status_code, "form" in answer.text) == (421, False)
        assert answer.headers["cache-control"] == "no-store"
    assert registering.get(f"{registering.address}/", Host=f"localhost:{registering.port}").status_code == 200


def test_a_state_that_is_not_ours_is_refused_and_the_right_one_still_works(registering: Registering) -> None:
    target = httpx.URL(registering.submit(registering.open()))
    before = len(registering.github.requests)
    for query in ({"state": "wrong"}, {"state": ""}, {"state": "ä"}, {}):
        wrong = target.copy_with(params={"code": target.params["code"], **query})
        assert registering.get(str(wrong)).status_code == 403
    twice = f"{target}&state=wrong"
    assert registering.get(twice).status_code == 403
    assert registering.get(str(target.copy_remove_param("code"))).status_code == 400
    assert registering.get(str(target.copy_set_param("code", "../app"))).status_code == 400
    assert (len(registering.github.requests), os.listdir(registering.folder)) == (before, [])
    assert registering.get(str(target)).status_code == 200
    assert registering.end() == 0


def test_an_expired_code_says_to_start_again(registering: Registering) -> None:
    target = registering.submit(registering.open())
    registering.github.advance(3601)
    answer = registering.get(target)
    assert (answer.status_code, registering.end()) == (400, 2)
    for text in (answer.text, registering.said()):
        assert "start again with this command" in text
        assert f"{registering.github.git_url}/settings/apps" in text
    assert os.listdir(registering.folder) == []


def test_trouble_of_githubs_can_be_tried_again(registering: Registering) -> None:
    registering.github.fail("POST", r"/app-manifests/.*", status=502)
    target = registering.submit(registering.open())
    answer = registering.get(target)
    assert (answer.status_code, "Reload the page" in answer.text) == (502, True)
    assert registering.get(target).status_code == 200
    assert registering.end() == 0


def test_files_that_turned_up_meanwhile_are_kept_and_the_credentials_not_lost(registering: Registering) -> None:
    target, taken = registering.submit(registering.open()), registering.folder / ".env"
    taken.write_text("mine", encoding="utf-8")
    answer = registering.get(target)
    assert (answer.status_code, str(taken) in answer.text) == (500, True)
    assert (os.listdir(registering.folder), taken.read_text(encoding="utf-8")) == ([".env"], "mine")
    taken.unlink()
    assert registering.get(target).status_code == 200
    assert registering.end() == 0
    assert sorted(os.listdir(registering.folder)) == [".env", "private-key.pem"]


def test_a_missing_webhook_secret_is_told(registering: Registering) -> None:
    registering.github.gives_secrets = False
    done = registering.get(registering.submit(registering.open()))
    assert registering.end() == 0
    env = (registering.folder / ".env").read_text(encoding="utf-8")
    assert "REVIEWER_WEBHOOK_SECRET=" not in env
    for text in (html.unescape(done.text), registering.said()):
        assert f"add it as REVIEWER_WEBHOOK_SECRET to {registering.folder / '.env'}" in text
        assert f"{registering.github.git_url}/settings/apps/reviewer" in text


@pytest.mark.parametrize("name", [".env", "private-key.pem"])
def test_nothing_is_overwritten(github: GitHub, tmp_path: Path, name: str) -> None:
    taken = tmp_path / "app" / name
    taken.parent.mkdir()
    taken.symlink_to("/nowhere")
    found = Registering(github, tmp_path)
    assert found.end() == 2
    assert f"{taken} is there already and is not overwritten" in found.said()
    assert taken.is_symlink()
    stop(found)


def test_a_busy_port_is_told(registering: Registering, tmp_path: Path) -> None:
    registering.open()
    folder = tmp_path / "second"
    folder.mkdir()
    second = Registering(registering.github, folder, port=registering.port)
    assert second.end() == 2
    assert f"port {registering.port} is in use" in second.said()
    stop(second)


def test_control_c_ends_it(registering: Registering) -> None:
    registering.open()
    registering.process.send_signal(signal.SIGINT)
    start = time.monotonic()
    assert registering.end() == 2
    assert time.monotonic() - start < 5
    assert registering.said().splitlines()[1:] == ["reviewer: ended before the App was registered; nothing was written"]
    assert os.listdir(registering.folder) == []


def refusal(folder: Path, url: str = URL, github: str = "https://github.com", org: str | None = None) -> str:
    with pytest.raises(CannotRegister) as caught:
        wanted(url, github, org, None, folder, 8765)
    return str(caught.value)


def test_options_are_looked_at_before_anything_starts(tmp_path: Path) -> None:
    assert "--url does not start with https://" in refusal(tmp_path, "http://reviewer.example.com")
    assert "--url is an address that GitHub does not reach" in refusal(tmp_path, "https://localhost")
    assert "--url is an address that GitHub does not reach" in refusal(tmp_path, "https://10.0.0.1")
    assert "--url ends with /webhook" in refusal(tmp_path, f"{URL}/webhook")
    assert "--url holds other characters" in refusal(tmp_path, f"{URL}/${{HOME}}")
    assert "--github is more than an address" in refusal(tmp_path, github="https://ghe.example.com/api/v3")
    assert "--github is the address of the API" in refusal(tmp_path, github="https://api.github.com")
    assert "--github is an http:// address" in refusal(tmp_path, github="http://ghe.example.com")
    assert "--org 'a/b'" in refusal(tmp_path, org="a/b")
    assert "is not a folder" in refusal(tmp_path / "nowhere")


def test_a_private_address_will_do_for_a_github_of_ones_own(tmp_path: Path) -> None:
    found = wanted("https://10.0.0.1/", "https://ghe.example.com/", None, None, tmp_path, 8765)
    assert found.manifest.webhook == "https://10.0.0.1/webhook"
    assert found.place.api == "https://ghe.example.com/api/v3"


@pytest.mark.parametrize("pages", ["https://github.com", "https://acme.ghe.com", "https://ghe.example.com"])
def test_the_address_of_the_api_leads_back_to_that_of_the_pages(pages: str) -> None:
    assert values.git_url_of(values.api_url_of(pages)) == pages


def test_an_address_that_cannot_be_read_is_told() -> None:
    with pytest.raises(Wrong, match="is not a URL"):
        values.public_url("reviewer.example.com", internet=True)
