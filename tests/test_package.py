"""A package that is built holds what is read beside the sources in a checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_holds_the_rules_and_the_manifest(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read("reviewer/_app.yml") == (ROOT / "app.yml").read_bytes()
    assert {f"reviewer/_rules/{page.name}" for page in (ROOT / "rules").iterdir()} <= names
