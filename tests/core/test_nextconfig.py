"""Options of next.config, read without running it."""

from __future__ import annotations

import pytest

from reviewer.core.nextconfig import config_path, read_config
from reviewer.core.versions import from_spec
from tests.core.trees import code_of

UNSET, UNKNOWN = "", None


def output(text: str, name: str = "next.config.js") -> str | None:
    return read_config(code_of({name: text}).files, "").text("output")


@pytest.mark.parametrize(
    "text",
    [
        "module.exports = { output: 'export' }",
        "module.exports = { 'output': `export` }",
        "export default { output: 'export' } satisfies NextConfig",
        "exports.default = { output: 'export' }",
        "const c: NextConfig = { output: 'export' }; export = c",
        "const c = { output: 'export' }; export default c as any",
        "const c = Object.freeze({ output: 'export' }); module.exports = c",
        "/** @type {import('next').NextConfig} */\nconst c = ({ output: 'export' }); module.exports = c",
        "const output = 'export'; const c = {}; c.output = 'export'; export default c",
        "const base = { output: 'export' }; export default { ...base, images: {} }",
        "const base = { output: 'standalone' }; export default { ...base, output: 'export' }",
        "const base = { output: 'export' }; export default { output: 'standalone', ...base }",
        "export default { ...unknown, output: 'export' }",
        "const c = { output: 'standalone' }; c.output = 'export'; module.exports = c",
        "export default withMDX({ output: 'export' })",
        "export default withMDX({ extension: 1 })({ output: 'export' })",
        "export default withA(withB({ output: 'export' }))",
        "const c = { output: 'export' }; export default withSentryConfig(c, { silent: true })",
        "export default compose(withA, withB)({ output: 'export' })",
        "export default [withA, withB].reduce((config, plugin) => plugin(config), { output: 'export' })",
        "export default withPlugins([withA], { output: 'export' })",
        "export default Object.assign({}, unknownDefaults && {}, { output: 'export' })",
        "let c = { output: 'export' }; c = withMDX(c); export default c",
        "let c = { output: 'export' }; if (x) c = withMDX(c); export default c",
        "const configs = { prod: { output: 'export' } }; export default configs.prod",
        "const mode = { value: 'export' }; export default { output: mode.value }",
        "const output = 'export'; export default { output }",
        "let output; output = 'x'; const kind = 'export'; export default { output: kind }",
        "export default (phase) => ({ output: 'export' })",
        "module.exports = async (phase, { defaultConfig }) => { return { ...defaultConfig, output: 'export' } }",
        "function config() { return { output: 'export' } } export default config",
        "const make = () => ({ output: 'export' }); export default make()",
        "export default () => { const c = { output: 'export' }; return withMDX(c) }",
        "export default () => { const c = {}; c.output = 'export'; return c }",
        "export default function () { if (dev) return { output: 'export' }; return { output: `export` } }",
        "export default withMDX(async () => ({ output: 'export' }))",
        "const c = { output: 'export' }; export default { ...(x ? { images: {} } : {}), ...c }",
        "export default { output: x ? 'export' : 'export' }",
    ],
)
def test_a_literal_option_is_read(text: str) -> None:
    assert output(text, "next.config.ts") == "export"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("module.exports = {}", UNSET),
        ("module.exports = { images: { output: 'export' } }", UNSET),
        ("export default withMDX({ images: {} })", UNSET),
        ("const c = {}; const d = {}; d.output = 'export'; export default c", UNSET),
        ("const c = {}; function f() { c.output = 'export' }; export default c", UNSET),
        ("export default { output: process.env.X ? 'export' : undefined }", UNKNOWN),
        ("export default { output: process.env.OUTPUT }", UNKNOWN),
        ("export default { output: `${x}` }", UNKNOWN),
        ("export default { ...unknown }", UNKNOWN),
        ("export default { ['out' + 'put']: 'export' }", UNKNOWN),
        ("export default { output: 'export', ...unknown }", UNKNOWN),
        ("export default { output: 'export', ...(x && { output: 'standalone' }) }", UNKNOWN),
        ("export default withMDX({ output: 'export', ...unknown })", UNKNOWN),
        ("const c = {}; if (x) c.output = 'export'; export default c", UNKNOWN),
        ("const c = {}; if (x) { c.output = 'export' } export default c", UNKNOWN),
        ("export default withMDX(config)", UNKNOWN),
        ("export default make(options)", UNKNOWN),
        ("export default () => { if (x) return { output: 'export' }; return {} }", UNKNOWN),
        ("export default (phase, defaults) => ({ output: 'export', ...defaults })", UNKNOWN),
        ("export default () => { const c = {}; if (x) c.output = 'export'; return c }", UNKNOWN),
        ("export default () => { const c = {}; return c } function other() { c.output = 'export' }", UNSET),
        ("export default (phase, { defaultConfig }) => ({ ...defaultConfig })", UNSET),
        ("export default { output: undefined }", UNSET),
        ("export default { output: 'export', ...{ output: undefined } }", UNKNOWN),
        ("export default { ...(process.env.X && { output: 'export' }) }", UNKNOWN),
        ("export default { output: process.env.X && 'export' }", UNKNOWN),
        ("export default { output: 'ex' + 'port' }", UNKNOWN),
        ("let c = {}; if (x) c = { output: 'export' }; export default c", UNKNOWN),
        ("import c from './base'; export default c", UNKNOWN),
        ("console.log('no export')", UNKNOWN),
        ("export default {{{", UNKNOWN),
        ("const a = { ...b }; const b = { ...a }; export default a", UNKNOWN),
    ],
)
def test_what_is_not_set_and_what_cannot_be_told_differ(text: str, value: str | None) -> None:
    assert output(text) == value


@pytest.mark.parametrize(
    ("text", "extensions"),
    [
        ("module.exports = { pageExtensions: ['page.tsx', 'api.ts'] }", ("page.tsx", "api.ts")),
        ("module.exports = {}", ()),
        ("module.exports = { pageExtensions: ['tsx', extra] }", None),
        ("module.exports = { pageExtensions: extensions }", None),
        ("module.exports = { ...unknown }", None),
    ],
)
def test_a_list_of_strings_is_read(text: str, extensions: tuple[str, ...] | None) -> None:
    config = read_config(code_of({"next.config.js": text}).files, "")
    assert config.texts("pageExtensions") == extensions


@pytest.mark.parametrize(
    ("paths", "directory", "found"),
    [
        (["next.config.js"], "apps/web", "next.config.js"),
        (["next.config.js", "apps/web/next.config.mjs"], "apps/web", "apps/web/next.config.mjs"),
        (["apps/next.config.ts"], "apps/web", "apps/next.config.ts"),
        (["next.config.ts", "next.config.mjs", "next.config.js"], "", "next.config.js"),
        (["next.config.mts", "next.config.ts"], "", "next.config.ts"),
        (["apps/docs/next.config.js"], "apps/web", None),
        (["next.config.cjs", "next.config.json"], "", None),
    ],
)
def test_the_nearest_config_above_applies(paths: list[str], directory: str, found: str | None) -> None:
    assert config_path(code_of(dict.fromkeys(paths, "")).files, directory) == found


def test_without_a_config_nothing_is_set() -> None:
    config = read_config(code_of({"package.json": "{}"}).files, "")
    assert (config.path, config.text("output"), config.texts("pageExtensions")) == ("", "", ())


def option(text: str, name: str = "output") -> tuple[list[str], str, int, str]:
    """What was seen of an option: texts, certainty, line and evidence."""
    found = read_config(code_of({"next.config.ts": text}).files, "").option(name)
    return [value.name or value.kind for value in found.values], found.certainty, found.line, found.evidence


@pytest.mark.parametrize(
    ("text", "values", "certainty", "line", "evidence"),
    [
        ("export default {\noutput: 'export' }", ["export"], "always", 2, "high"),
        ("export default {\noutput: x ? 'export' : undefined }", ["export"], "sometimes", 2, "medium"),
        ("export default {\noutput: x ? 'export' : 'standalone' }", ["export", "standalone"], "sometimes", 2, "medium"),
        (
            "export default () => {\nif (x) return { output: 'export' };\nreturn {}; }",
            ["export"],
            "sometimes",
            2,
            "medium",
        ),
        (
            "export default () => {\nif (x) return {};\nreturn { output: 'export' }; }",
            ["export"],
            "sometimes",
            3,
            "medium",
        ),
        ("export default {\noutput: process.env.OUTPUT || 'export' }", ["export"], "unknown", 2, "low"),
        ("export default { output: 'export', ...base }", ["export"], "unknown", 1, "low"),
        ("export default {}", [], "unset", 1, "high"),
        ("export default withMDX({})", [], "unset", 1, "medium"),
        ("export default { ...base }", [], "unknown", 1, "low"),
        ("const c = {};\nc.output = 'export';\nexport default c", ["export"], "always", 2, "high"),
    ],
)
def test_an_option_says_what_was_seen_and_how_sure_it_is(
    text: str, values: list[str], certainty: str, line: int, evidence: str
) -> None:
    assert option(text) == (values, certainty, line, evidence)


def test_wrappers_leave_some_absent_options_unknown() -> None:
    config = read_config(code_of({"next.config.js": "module.exports = withMDX({ images: {} })"}).files, "")
    names = ("webpack", "env", "headers", "rewrites", "pageExtensions", "output", "basePath", "distDir")
    certainties = [config.option(name).certainty for name in names]
    assert certainties == ["unknown"] * 5 + ["unset"] * 3
    assert config.texts("pageExtensions") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("export default { experimental: { nodeMiddleware: true } }", (["true"], "always", 1, "high")),
        ("const e = { nodeMiddleware: true }; export default { experimental: e }", (["true"], "always", 1, "high")),
        ("export default { experimental: { ...e } }", ([], "unknown", 1, "low")),
        ("export default { experimental: x ? { nodeMiddleware: true } : {} }", (["true"], "sometimes", 1, "medium")),
        (
            "export default { experimental: x ? { nodeMiddleware: true } : undefined }",
            (["true"], "sometimes", 1, "medium"),
        ),
        ("export default { experimental: { reactCompiler: true } }", ([], "unset", 1, "high")),
        ("export default { images: {} }", ([], "unset", 1, "high")),
        ("export default { ...base }", ([], "unknown", 1, "low")),
        ("export default { experimental: 1 }", ([], "unknown", 1, "low")),
        ("const c = {}; c.experimental.nodeMiddleware = true; export default c", (["true"], "always", 1, "high")),
        (
            "const c = { experimental: { nodeMiddleware: true } }; c.experimental = {}; export default c",
            ([], "unset", 1, "high"),
        ),
    ],
)
def test_nested_options(text: str, expected: tuple[list[str], str, int, str]) -> None:
    assert option(text, "experimental.nodeMiddleware") == expected


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("export default { compress: false }", False),
        ("export default { compress: true }", True),
        ("export default {}", False),
        ("export default { compress: !dev }", None),
        ("export default { compress: 'no' }", None),
    ],
)
def test_a_switch_is_three_valued(text: str, flag: bool | None) -> None:
    assert read_config(code_of({"next.config.ts": text}).files, "").flag("compress") is flag


def test_functions_are_values_too() -> None:
    text = "export default { async rewrites() { return [] }, headers: async () => [], webpack }\nfunction webpack() {}"
    assert [option(text, name)[:2] for name in ("rewrites", "headers", "webpack")] == [
        (["function"], "always"),
        (["function"], "always"),
        (["webpack"], "always"),
    ]


def test_an_application_inherits_the_config_above_it() -> None:
    tree = {"next.config.js": "module.exports = { output: 'standalone' }", "apps/web/app/page.tsx": ""}
    config = read_config(code_of(tree).files, "apps/web")
    assert (config.path, config.text("output")) == ("next.config.js", "standalone")


def test_a_condition_inside_wrappers_is_seen() -> None:
    text = """import base from './base';
export default withA(withB({ ...base,
  output: process.env.X ? 'export' : undefined }) satisfies NextConfig);
"""
    assert option(text) == (["export"], "sometimes", 3, "medium")
    assert option(text, "basePath")[1] == option(text, "headers")[1] == "unknown"
    closed = text.replace("...base", "images: {}")
    assert (option(closed, "basePath")[1], option(closed, "headers")[1]) == ("unset", "unknown")


@pytest.mark.parametrize(
    ("version", "paths", "found"),
    [
        ("14.2.0", ["next.config.ts", "next.config.mjs"], "next.config.mjs"),
        ("14.2.0", ["next.config.ts"], None),
        ("15.0.0", ["next.config.ts", "next.config.mts"], "next.config.ts"),
        ("15.0.0", ["next.config.mts"], None),
        ("16.0.0", ["next.config.mts"], "next.config.mts"),
        (">=14", ["next.config.ts"], "next.config.ts"),
    ],
)
def test_a_version_knows_some_names_only(version: str, paths: list[str], found: str | None) -> None:
    assert config_path(code_of(dict.fromkeys(paths, "")).files, "", from_spec(version)) == found


def test_configs_that_multiply_are_given_up() -> None:
    doubled = "\n".join(f"const c{n} = {{ ...c{n + 1}, ...c{n + 1}, ...c{n + 1}, ...c{n + 1} }};" for n in range(11))
    text = f"{doubled}\nconst c11 = {{ ...c0, ...c0 }};\nexport default c0;"
    assert option(text)[1] == "unknown"
    chosen = "\n".join(f"const v{n} = x ? v{n + 1} : (y ? v{n + 1} : v{n + 1});" for n in range(60))
    assert option(f"{chosen}\nexport default {{ output: v0 }};")[1] == "unknown"
