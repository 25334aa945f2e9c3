"""A cold scan beside ast-grep in the same run: ``python -m bench.scan FOLDER [--runs 5] [--ast-grep PATH]``.

FOLDER is a checked-out repository. Both read the same files from disk; times are medians, the ratio is what counts.
Memory is the largest process of each command. ast-grep runs one simple pattern, and four in three languages.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATTERNS = ("new WebSocketServer($$$)", "new Server($$$)", "setInterval($$$)", "next($$$)")


def rules(patterns: tuple[str, ...], languages: tuple[str, ...]) -> str:
    """ast-grep rules, one a pattern and language."""
    return "---\n".join(
        f"id: p{number}\nlanguage: {language}\nrule: {{ pattern: '{pattern}' }}\n"
        for language in languages
        for number, pattern in enumerate(patterns)
    )


def measure(command: list[str]) -> tuple[float, int]:
    """Seconds and the peak memory in KiB of one run."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--ast-grep", default="ast-grep")
    arguments = parser.parse_args()
    folder = str(arguments.folder.resolve())
    with tempfile.TemporaryDirectory() as temporary:
        one, four = Path(temporary) / "one.yml", Path(temporary) / "four.yml"
        one.write_text(rules(PATTERNS[:1], ("TypeScript",)), encoding="utf-8")
        four.write_text(rules(PATTERNS, ("TypeScript", "Tsx", "JavaScript")), encoding="utf-8")
        commands = {
            "reviewer scan": [sys.executable, "-m", "reviewer", "scan", folder, "--exit-zero"],
            "ast-grep, one pattern": [arguments.ast_grep, "scan", "-r", str(one), folder],
            "ast-grep, four patterns": [arguments.ast_grep, "scan", "-r", str(four), folder],
        }
        measured: dict[str, list[tuple[float, int]]] = {name: [] for name in commands}
        for _ in range(arguments.runs):
            for name, command in commands.items():
                measured[name].append(measure(command))
    ours = statistics.median(seconds for seconds, _ in measured["reviewer scan"])
    for name, rows in measured.items():
        seconds, memory = statistics.median(row[0] for row in rows), max(row[1] for row in rows)
        print(f"{name:<24} {seconds:6.2f} s  {memory / 1024:6.0f} MiB  reviewer takes {ours / seconds:.2f} x")


if __name__ == "__main__":
    main()
