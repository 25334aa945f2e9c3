"""What requests start, and the calls that run as part of them."""

from __future__ import annotations

from reviewer.core.app import App
from reviewer.core.promises import Promises
from reviewer.core.requests import Requests, Started, functions_kept, outlets, ran_by
from reviewer.core.symbols import Symbols
from tests.core.trees import code_of

PACKAGE = '{ "dependencies": { "next": "15.5.29" } }'


def app_of(files: dict[str, str]) -> App:
    code = code_of({"package.json": PACKAGE, **files})
    return App(code, "", code.packages[""])


def started(files: dict[str, str]) -> list[tuple[str, str]]:
    """Path and kind of the handlers and actions of an application."""
    app = app_of(files)
    requests = Requests(app, Promises(app.code))
    paths = [path for path in files if path.endswith(("ts", "tsx"))]
    found = [*requests.handlers(app.api_routes), *requests.actions(paths)]
    return [(each.path, each.kind) for each in found]


def names_run(code: str, name: str = "POST") -> dict[str, tuple[str, int]]:
    """The calls that run for a request by name: how sure that is, and over how many calls they are reached."""
    app = app_of({"app/api/a/route.ts": code})
    promises = Promises(app.code)
    body = promises.results("app/api/a/route.ts").named(name, -1)
    assert body is not None
    ran = ran_by(promises, Started("app/api/a/route.ts", body.id, "app"))
    return {each.use.name: (each.evidence, len(each.via)) for each in ran}


def test_handlers_of_both_routers_that_could_drop_a_promise() -> None:
    loose = "fetch('/');"
    files = {
        "app/api/a/route.ts": f"export async function GET() {{\n  {loose}\n}}",
        "app/api/b/route.ts": "export async function GET() {\n  await fetch('/');\n}",
        "app/api/c/route.ts": "export { GET, GET as POST } from '../../../lib/c';",
        "lib/c.ts": f"export async function GET() {{\n  {loose}\n}}",
        "pages/api/d.ts": f"export default function handler(req, res) {{\n  {loose}\n}}",
        "pages/api/e.ts": "export default async function handler(req, res) {\n  res.end();\n  await work();\n}",
    }
    assert started(files) == [
        ("app/api/a/route.ts", "app"),
        ("lib/c.ts", "app"),
        ("pages/api/d.ts", "pages"),
        ("pages/api/e.ts", "pages"),
    ]


def test_actions_of_a_marked_file_and_marked_functions() -> None:
    files = {
        "app/actions.ts": "'use server';\nexport async function save() {\n  fetch('/');\n}",
        "app/form.tsx": "export function Form() {\n  async function go() {\n    'use server';\n    fetch('/');\n  }\n}",
        "app/other.ts": "export async function save() {\n  fetch('/');\n}",
    }
    assert started(files) == [("app/actions.ts", "action"), ("app/form.tsx", "action")]


def test_calls_in_callbacks_and_in_functions_of_the_file() -> None:
    code = """
export async function POST() {
  direct();
  ids.map((id) => mapped(id));
  await trace(async () => { traced(); });
  emitter.on('a', () => { heard(); });
  after(() => { kept(); });
  await helper();
  loose();
  await Promise.all([gathered()]);
}
async function helper() { helped(); await deeper(); }
async function deeper() { deep(); await deepest(); }
async function deepest() { bottom(); }
async function loose() { left(); }
async function gathered() { together(); }
"""
    names = names_run(code)
    assert names["direct"] == ("high", 0)
    assert names["mapped"] == ("high", 0)
    assert names["traced"] == ("medium", 0)
    assert names["helped"] == ("high", 1)
    assert names["deep"] == ("high", 2)
    assert names["together"] == ("high", 1)
    assert not {"heard", "kept", "left", "bottom"} & names.keys()


def test_names_a_response_is_made_through() -> None:
    code = "export default function handler(req, reply) {\n  const { readable } = new TransformStream();\n}"
    app = app_of({"pages/api/a.ts": code})
    promises = Promises(app.code)
    at = code.index("function")
    assert outlets(promises, Started("pages/api/a.ts", at, "pages")) == {"readable", "res", "response", "reply"}
    assert outlets(promises, Started("pages/api/a.ts", at, "app")) == {"readable"}


def test_functions_given_where_a_promise_is_taken() -> None:
    code = """
import { waitUntil as keep, waitUntil } from '@vercel/functions';
const job = async () => 1;
waitUntil(async () => 1);
waitUntil(job);
waitUntil(job());
other.waitUntil(job);
"""
    keepers = Symbols.of(["@vercel/functions#waitUntil"])
    found = functions_kept(code_of({"a.ts": code}), ["a.ts"], keepers)
    assert [(path, call.line) for path, call in found] == [("a.ts", 4), ("a.ts", 5)]
