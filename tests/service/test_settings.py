"""Settings are read, or everything that is wrong with them is told at once."""

from __future__ import annotations

import os
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from reviewer.service import values
from reviewer.service.settings import SETTINGS, Settings, SettingsError, Written, load, settings_page, variable

ROOT = Path(__file__).parent.parent.parent
RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505  # GitHub's have 2048 bits, and take ten times longer to check
HOOK, OTHER = "0123456789abcdef-hook", "0123456789abcdef-other"


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = RSA,
    form: PrivateFormat = PrivateFormat.TraditionalOpenSSL,
    encryption: KeySerializationEncryption | None = None,
) -> str:
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


PEM = pem()
PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory and no settings."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("REVIEWER_"):
            monkeypatch.delenv(name)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The settings that are needed."""
    for name, value in {"app_id": "1234", "private_key": PEM, "webhook_secret": HOOK}.items():
        monkeypatch.setenv(variable(name), value)
    return monkeypatch


def problems() -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load()
    assert str(caught.value).splitlines() == list(caught.value.problems)
    return caught.value.problems


def problem() -> str:
    (only,) = problems()
    return only


def test_the_needed_settings_are_enough(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given.setattr(sys, "stderr", open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # closed with the fixture
    settings = load()
    sys.stderr.close()
    assert settings.app_id == "1234"
    assert settings.private_key.get_secret_value() == PEM
    assert settings.webhook_keys() == (HOOK.encode(),)
    assert settings.secret_texts() == (PEM, HOOK)
    assert (settings.github_api_url, settings.git_url) == ("https://api.github.com", "https://github.com")
    assert settings.database_url.get_secret_value() == f"sqlite:///{tmp_path}/data/reviewer.db"
    assert settings.cache_dir == tmp_path / "data" / "repositories"
    assert (settings.cache_bytes, settings.workers, settings.patience) == (10_000_000_000, 3, 300)
    assert (settings.public_url, settings.log_format) == (None, "json")


def test_everything_that_is_missing_is_told_at_once() -> None:
    assert problems() == (
        "REVIEWER_APP_ID is missing: the App's settings page on GitHub shows it as 'App ID'",
        "REVIEWER_PRIVATE_KEY is missing: generate one under 'Private keys' on the App's settings page, or name its "
        "file in REVIEWER_PRIVATE_KEY_FILE",
        "REVIEWER_WEBHOOK_SECRET is missing: make one with `openssl rand -hex 32` and enter it as 'Webhook secret' on "
        "the App's settings page",
    )


WRONG = {
    "app_id": "my app!",
    "private_key": PUBLIC,
    "webhook_secret": "short",
    "github_api_url": "http://github.example",
    "git_url": "ftp://github.example",
    "database_url": "mysql://user:passw0rd@host/x",
    "cache_dir": "/dev/null",
    "cache_bytes": "-1",
    "public_url": "reviewer.example",
    "log_format": "xml",
    "workers": "many",
}


def test_everything_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WRONG.items():
        monkeypatch.setenv(variable(name), value)
    found = problems()
    assert [line.split(" ")[0] for line in found] == [variable(name) for name in WRONG]
    assert "passw0rd" not in "".join(found)
    assert "short" not in "".join(found)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_checked_by_itself(given: pytest.MonkeyPatch, name: str) -> None:
    if name == "private_key_file":
        given.delenv(variable("private_key"))
    given.setenv(variable(name), WRONG.get(name, "/nowhere"))
    assert problem().startswith(f"{variable(name)} ")


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_setting_counts_as_left_out(given: pytest.MonkeyPatch, empty: str) -> None:
    given.setenv("REVIEWER_WORKERS", empty)
    given.setenv("REVIEWER_APP_ID", empty)
    assert problem().startswith("REVIEWER_APP_ID is missing")


def test_a_file_in_the_working_directory_is_read_after_the_environment(
    given: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given.delenv("REVIEWER_PRIVATE_KEY")
    given.setenv("REVIEWER_WORKERS", "")
    key = PEM.replace("\n", "\\n")
    lines = ["OTHER=1", "REVIEWER_APP_ID=99", f'REVIEWER_PRIVATE_KEY="{key}"', "REVIEWER_WORKERS=5", ""]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
    settings = load()
    assert (settings.app_id, settings.workers) == ("1234", 5)
    assert settings.private_key.get_secret_value() == PEM


def test_a_file_that_is_no_text_is_told(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given.setenv("REVIEWER_APP_ID", "1")
    (tmp_path / ".env").write_bytes(b"REVIEWER_APP_ID=\xff\xfe\n")
    assert problem() == ".env cannot be read: it is not UTF-8 text"


@pytest.mark.parametrize("text", [PEM, PEM.strip(), PEM.replace("\n", "\\n"), pem(form=PrivateFormat.PKCS8)])
def test_a_private_key_is_accepted_in_every_spelling(text: str) -> None:
    assert values.private_key(text).startswith("-----BEGIN ")
    assert values.private_key(text).endswith("-----\n")


NO_KEYS = [
    (PUBLIC, "a public key"),
    ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "a certificate"),
    (pem(ed25519.Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH), "an SSH key"),
    (pem(ec.generate_private_key(ec.SECP256R1())), "not an RSA key"),
    (pem(form=PrivateFormat.PKCS8, encryption=BestAvailableEncryption(b"pass")), "a passphrase"),
    (PEM[:600], "damaged or cut off"),
    (PEM[:600] + "\n-----END RSA PRIVATE KEY-----", "damaged or cut off"),
    ("-----BEGIN PGP MESSAGE-----\n", "something else"),
    ("/run/secrets/app.pem", "set REVIEWER_PRIVATE_KEY_FILE"),
    ("not a key", "no private key in PEM form"),
    ("ssh-rsa AAAAB3NzaC1yc2E user@host", "no private key in PEM form"),
]


@pytest.mark.parametrize(("text", "said"), NO_KEYS)
def test_what_is_no_private_key_is_named(given: pytest.MonkeyPatch, tmp_path: Path, text: str, said: str) -> None:
    given.setenv("REVIEWER_PRIVATE_KEY", text)
    assert said in problem()
    given.delenv("REVIEWER_PRIVATE_KEY")
    (tmp_path / "key.pem").write_text(text, encoding="ascii")
    given.setenv("REVIEWER_PRIVATE_KEY_FILE", "key.pem")
    assert said in problem()
    assert "names 'key.pem', which " in problem()


def test_a_key_file_is_read(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given.delenv("REVIEWER_PRIVATE_KEY")
    (tmp_path / "key.pem").write_text(PEM.replace("\n", "\r\n"), encoding="ascii")
    given.setenv("REVIEWER_PRIVATE_KEY_FILE", str(tmp_path / "key.pem"))
    assert values.private_key(load().private_key.get_secret_value())


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), (b"\xff\xfe\x00", "no private key"), (b"x" * 100_000, "too large")]
)
def test_a_key_file_that_cannot_be_read_is_named(
    given: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, said: str
) -> None:
    given.delenv("REVIEWER_PRIVATE_KEY")
    given.setenv("REVIEWER_PRIVATE_KEY_FILE", "key.pem")
    if content is not None:
        (tmp_path / "key.pem").write_bytes(content)
    assert said in problem()
    given.setenv("REVIEWER_PRIVATE_KEY_FILE", str(tmp_path))
    assert "Is a directory" in problem()


def test_a_key_and_a_key_file_are_one_too_many(given: pytest.MonkeyPatch) -> None:
    given.setenv("REVIEWER_PRIVATE_KEY_FILE", "key.pem")
    assert problem() == "REVIEWER_PRIVATE_KEY and REVIEWER_PRIVATE_KEY_FILE are both set: keep one"


def test_two_webhook_secrets_are_possible(given: pytest.MonkeyPatch) -> None:
    given.setenv("REVIEWER_WEBHOOK_SECRET", f"{OTHER}, {HOOK}")
    assert load().webhook_keys() == (OTHER.encode(), HOOK.encode())


@pytest.mark.parametrize("text", ["x" * 15, f"{HOOK},", f",{HOOK}", f"{HOOK},{HOOK}", f"{HOOK},{OTHER},{OTHER}x", ","])
def test_weak_or_odd_webhook_secrets_are_refused(given: pytest.MonkeyPatch, text: str) -> None:
    given.setenv("REVIEWER_WEBHOOK_SECRET", text)
    assert HOOK not in problem()


@pytest.mark.parametrize(
    ("api", "expected", "git"),
    [
        ("https://api.github.com/", "https://api.github.com", "https://github.com"),
        ("https://git.example/api/v3/", "https://git.example/api/v3", "https://git.example"),
        ("https://git.example:8443/api/v3", "https://git.example:8443/api/v3", "https://git.example:8443"),
        ("https://api.octo.ghe.com", "https://api.octo.ghe.com", "https://octo.ghe.com"),
        ("http://127.0.0.1:8080/api/v3", "http://127.0.0.1:8080/api/v3", "http://127.0.0.1:8080"),
        ("http://[::1]:80/api/v3", "http://[::1]:80/api/v3", "http://[::1]:80"),
    ],
)
def test_where_git_is_follows_from_the_api(given: pytest.MonkeyPatch, api: str, expected: str, git: str) -> None:
    given.setenv("REVIEWER_GITHUB_API_URL", api)
    assert (load().github_api_url, load().git_url) == (expected, git)
    given.setenv("REVIEWER_GIT_URL", "https://git.elsewhere.example/")
    assert load().git_url == "https://git.elsewhere.example"


def test_where_git_is_has_to_be_said_where_it_does_not_follow(given: pytest.MonkeyPatch) -> None:
    given.setenv("REVIEWER_GITHUB_API_URL", "http://localhost:8080")
    assert problem().startswith("REVIEWER_GIT_URL is missing: the address of GitHub's pages")


@pytest.mark.parametrize(
    "url",
    [
        *("http://git.example/api/v3", "http://127.0.0.1.example", "http://localhost.example", "https://"),
        *("https://u:p@git.example", "https://git.example?x", "https://git.example#x", "https://git.example:x"),
        *(
            "https://git .example",
            "https://git.example\\x",
            "https://[::1",
            "file:///etc",
            "//git.example",
            "git.example",
        ),
    ],
)
@pytest.mark.parametrize("name", ["github_api_url", "git_url"])
def test_odd_or_open_addresses_are_refused(given: pytest.MonkeyPatch, name: str, url: str) -> None:
    given.setenv(variable(name), url)
    assert problem().startswith(f"{variable(name)} ")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        *((url, "in memory") for url in ("sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true")),
        ("postgres://u:passw0rd@h/n", "write postgresql://"),
        *((url, "not a database URL") for url in ("data/reviewer.db", "postgresql://u:passw0rd@h:x/n")),
        ("oracle://u:passw0rd@h/n", "neither SQLite nor PostgreSQL"),
    ],
)
def test_other_databases_are_refused(given: pytest.MonkeyPatch, url: str, said: str) -> None:
    given.setenv("REVIEWER_DATABASE_URL", url)
    assert said in problem()
    assert "passw0rd" not in problem()


@pytest.mark.parametrize(
    "url", ["sqlite:////var/lib/reviewer.db", "postgresql+psycopg://u:passw0rd@h/n?sslmode=require"]
)
def test_databases_are_taken_as_they_are(given: pytest.MonkeyPatch, url: str) -> None:
    given.setenv("REVIEWER_DATABASE_URL", url)
    assert load().database_url.get_secret_value() == url


def test_secrets_are_not_shown(given: pytest.MonkeyPatch) -> None:
    given.setenv("REVIEWER_DATABASE_URL", "postgresql://u:passw0rd@h/n")
    for shown in (repr(load()), str(load()), repr(Written())):
        assert not [secret for secret in (HOOK, "passw0rd", "PRIVATE KEY") if secret in shown]


def test_the_page_of_settings_is_the_one_in_the_documentation() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page()


def test_every_setting_is_described() -> None:
    assert list(SETTINGS) == list(Written.model_fields)
    read = {field.name for field in fields(Settings)}
    assert set(SETTINGS) - read == {"private_key_file", "webhook_secret"}
