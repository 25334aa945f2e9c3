"""The commands: scan, diff, profile, rules, explain, test, serve, register."""

from __future__ import annotations

import os
import sys
import traceback as traceback_
from contextlib import closing
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reviewer import RULESET, __version__
from reviewer.cli.analyst import analyst
from reviewer.cli.fix import apply, must_be_checked_out
from reviewer.cli.output import INCOMPLETE, Output, fail, print_fixes, print_profiles, print_result, write_result
from reviewer.render.json import Revisions
from reviewer.resources import built_in_rulebook, rulebook_at, rules_dir
from reviewer.sandbox import AnalysisFailed, ConfigurationInvalid, Job
from reviewer.sources import Folder, GitRepository, SourceError, Tree, configuration

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Reads changes to Next.js and Express repositories as the architecture they change.",
)


class Format(StrEnum):
    """How a result is written."""

    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="text for people, json (schema 1) for programs.")]
RuleOption = Annotated[list[str] | None, typer.Option("--rule", help="Run only this rule; may be repeated.")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Use this file instead of the repository's .github/reviewer.yml.")
]
FixOption = Annotated[
    bool, typer.Option("--fix", help="Apply the suggestions to the files on disk; HEAD must be checked out.")
]
ExitZeroOption = Annotated[bool, typer.Option("--exit-zero", help="End with 0 even when something gates.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"reviewer {__version__} (rule set {RULESET})")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Reads changes to Next.js and Express repositories as the architecture they change."""


@app.command()
def scan(
    path: Annotated[Path, typer.Argument(help="A folder or a git repository.")] = Path("."),
    rev: Annotated[str | None, typer.Option("--rev", help="Scan this revision instead of the files on disk.")] = None,
    format: FormatOption = Format.text,
    rule: RuleOption = None,
    config: ConfigOption = None,
    exit_zero: ExitZeroOption = False,
) -> None:
    """Every finding of one tree."""
    with _Boundary():
        built_in_rulebook()  # read while the analysis process starts
        tree, commit = _tree(path, rev)
        with closing(tree):
            job = Job(tree, only=_rules(rule), config=_config(config))
            review = analyst().review(job)
            print_result(Output(review, tree, Revisions(head=commit), format.value), exit_zero)


@app.command()
def diff(
    base: Annotated[str, typer.Argument(help="The revision the change will be merged into.")],
    head: Annotated[str, typer.Argument(help="The revision with the change.")] = "HEAD",
    repo: Annotated[Path, typer.Option("--repo", help="The repository; bare ones and worktrees will do.")] = Path("."),
    format: FormatOption = Format.text,
    rule: RuleOption = None,
    config: ConfigOption = None,
    fix: FixOption = False,
    exit_zero: ExitZeroOption = False,
) -> None:
    """What a change introduces, from its merge base with BASE to HEAD."""
    with _Boundary():
        built_in_rulebook()  # read while the analysis process starts
        repository = _whole(GitRepository(_existing(repo)))
        base_tree, head_tree = repository.tree(base), repository.tree(head)
        if fix:
            must_be_checked_out(repository, head_tree)
        merge_base = repository.merge_base(base_tree.commit, head_tree.commit)
        given = _config(config) or configuration(repository, base_tree.commit)
        with closing(head_tree), closing(repository.tree(merge_base)) as merge_base_tree:
            job = Job(head_tree, merge_base_tree, _rules(rule), given)
            review = analyst().review(job)
            revisions = Revisions(head_tree.commit, base_tree.commit, merge_base)
            output = Output(review, head_tree, revisions, format.value)
            if not fix:
                print_result(output, exit_zero)
            write_result(output)
            fixes = apply(repository.path, head_tree, review, lambda tree: analyst().review(replace(job, head=tree)))
            print_fixes(fixes, exit_zero)


@app.command()
def profile(
    path: Annotated[Path, typer.Argument(help="A folder or a git repository.")] = Path("."),
    rev: Annotated[
        str | None, typer.Option("--rev", help="Profile this revision instead of the files on disk.")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """The architecture of each application: what its code needs, what it has, and the facts that say so."""
    with _Boundary():
        tree, commit = _tree(path, rev)
        with closing(tree):
            answer = analyst().answer(Job(tree, config=("defaults", "")))
            made = answer.analyses.get("head")
            profiles = made.profiles if made is not None else ()
            applications = made.stats.get("apps", 0) if made is not None else 0
            print_profiles(profiles, answer.review.problems, commit, format.value, applications)


@app.command()
def rules() -> None:
    """The rules, one a line."""
    for id, rule in built_in_rulebook().rules.items():
        typer.echo(f"{id:<40} {rule.head.level:<8} {rule.head.title}")


@app.command()
def explain(rule: Annotated[str, typer.Argument(help="The id of a rule.")]) -> None:
    """What a rule looks at, what it costs, when it is fine, and its options."""
    from reviewer.cli.explain import print_rule

    _rules([rule])
    print_rule(built_in_rulebook().rules[rule])


@app.command("test")
def run_examples(
    path: Annotated[
        Path | None, typer.Argument(help="A folder of rule pages, or one page; the built-in ones by default.")
    ] = None,
) -> None:
    """Run the examples on rule pages: every Bad one must report exactly the marked lines, every Good one nothing."""
    from reviewer.checks import CHECKS
    from reviewer.core.rulebook import RulePageError
    from reviewer.examples import failures, unset_check

    where = path if path is not None else rules_dir()
    try:
        rulebook = rulebook_at(where if where.is_dir() else where.parent)
    except (RulePageError, OSError, UnicodeDecodeError) as error:
        fail(str(error))
    if missing := unset_check(rulebook, CHECKS):
        fail(f"no check is called {', '.join(missing)}; known: {', '.join(sorted(CHECKS))}")
    chosen = [rule for rule in rulebook.rules.values() if where.is_dir() or Path(rule.path) == where]
    if not chosen:
        fail(f"{where}: there are no rule pages here")
    found = [failure for rule in chosen for failure in failures(rule, rulebook, CHECKS)]
    for failure in found:
        typer.echo(f"{failure.page}:{failure.line}: {failure.example}: {failure.message}")
    count = sum(len(rule.examples) for rule in chosen)
    failed = len({(failure.page, failure.line) for failure in found})
    typer.echo(f"{count - failed} of {count} examples of {len(chosen)} rules hold.")
    raise typer.Exit(1 if found else 0)


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port to listen on.", min=1, max=65535)] = 8000,
) -> None:
    """Run the GitHub App: receive webhooks, review pull requests, publish. Settings: docs/settings.md."""
    from reviewer.service import log
    from reviewer.service.settings import SettingsError, load

    try:
        settings = load()
    except SettingsError as error:
        fail(f"the service cannot start:\n{error}")
    log.configure(settings.log_format, secrets=settings.secret_texts())
    log.log_uncaught()
    from reviewer.service.serve import serve as run

    run(settings, host, port)


@app.command()
def register(
    url: Annotated[str, typer.Option("--url", help="Where GitHub reaches this service: https://reviewer.example.com")],
    org: Annotated[str | None, typer.Option("--org", help="The organisation that owns the App; else you do.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="The App's name; no other App on GitHub has it.")] = None,
    github: Annotated[str, typer.Option("--github", help="Another GitHub than github.com.")] = "https://github.com",
    port: Annotated[int, typer.Option("--port", help="The page's port.", min=1024, max=65535)] = 8765,
    folder: Annotated[Path, typer.Option("--folder", help="Where .env and private-key.pem are written.")] = Path("."),
) -> None:
    """Register the GitHub App by a page on this machine; writes its settings and its private key."""
    from reviewer.service.registration import CannotRegister, wanted
    from reviewer.service.registration import register as run

    try:
        run(wanted(url, github, org, name, folder, port))
    except CannotRegister as error:
        fail(str(error))


class _Boundary:
    """The boundary where trouble becomes a message: exit status 2 when it was expected, else 3, never 1."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ConfigurationInvalid):
            for path, line, message in error.errors:
                print(f"{path}:{line}: {message}", file=sys.stderr)
            fail("the configuration cannot be used; nothing was reviewed")
        if isinstance(error, SourceError):
            fail(str(error))
        if isinstance(error, AnalysisFailed):
            print(f"reviewer: the analysis failed: {error}", file=sys.stderr)
            raise typer.Exit(INCOMPLETE)
        if isinstance(error, Exception) and not isinstance(error, (typer.Exit, BrokenPipeError)):
            traceback_.print_exception(error)
            print("reviewer: this is a fault of the reviewer itself; there is no result", file=sys.stderr)
            raise typer.Exit(INCOMPLETE)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise SourceError(f"{path}: there is no such file or folder")
    return path


def _tree(path: Path, rev: str | None) -> tuple[Tree, str | None]:
    """The files on disk, or a revision's; and the full commit id of a revision."""
    if not _existing(path).is_dir():
        raise SourceError(f"{path}: there is no such folder")
    repository = _repository(path)
    if rev is not None:
        if repository is None:
            raise SourceError(f"{path}: --rev needs a git repository, and this is none")
        tree = repository.tree(rev)
        return tree, tree.commit
    if repository is not None and repository.is_bare:
        raise SourceError(f"{path}: a bare repository has no files on disk: name a revision with --rev")
    return Folder(path, repository), None


def _repository(path: Path) -> GitRepository | None:
    try:
        return GitRepository(path)
    except SourceError as error:
        if "not a git repository" not in str(error) or (path / ".git").exists():
            raise
        return None


def _whole(repository: GitRepository) -> GitRepository:
    """The repository seen from its top, not from the folder somebody happens to stand in."""
    if repository.is_bare:
        return repository
    top = repository.run("rev-parse", "--show-toplevel").removesuffix(b"\n")
    return GitRepository(Path(os.fsdecode(top)))


def _rules(names: list[str] | None) -> tuple[str, ...]:
    import difflib

    known = built_in_rulebook().rules if names else {}
    for name in names or ():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            fail(f"no rule is called {name!r}; " + (f"did you mean {near[0]!r}?" if near else "see 'reviewer rules'"))
    return tuple(names or ())


def _config(path: Path | None) -> tuple[str, str] | None:
    if path is None:
        return None
    try:
        return str(path), path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: the configuration cannot be read: {error}") from None
