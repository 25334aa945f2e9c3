"""Options of next.config, read without running it."""

from __future__ import annotations

import pytest

from reviewer.core.nextconfig import config_path, read_config
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
        ("export default (phase) => ({ output: 'export' })", UNKNOWN),
        ("export default withMDX(config)", UNKNOWN),
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
