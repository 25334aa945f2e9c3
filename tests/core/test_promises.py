"""Which calls make promises, across the files of a repository."""

from __future__ import annotations

import pytest

from reviewer.core.promises import Made, Promises
from tests.core.trees import code_of

LIBRARY = """
export async function plain() {}
export const arrow = async () => 1;
export const made = () => new Promise(() => 0);
export function further() { return plain(); }
export const chained = () => plain().then(() => 1);
export const fetched = () => fetch('https://a.example');
export function sync() { return 1; }
export const shouted = (text) => text.trim();
export async function* pages() {}
export default { async send() {}, count() { return 1; } };
export class Mailer {
  async send() {}
  static async all() {}
  count() { return 1; }
}
export const mailer = new Mailer();
"""


def made(statement: str, head: str = "", **files: str) -> Made | None:
    """What the only call of ``f`` or of a method called last in that statement makes."""
    tree = {"a.ts": f"{head}\nasync function handler() {{\n{statement}\n}}\n", "lib.ts": LIBRARY}
    promises = Promises(code_of({**tree, **{f"{name}.ts": text for name, text in files.items()}}))
    uses = [use for use in promises.results("a.ts").uses if use.line == head.count("\n") + 3]
    return next((found for use in uses if (found := promises.made("a.ts", use)) is not None), None)


@pytest.mark.parametrize("name", ["plain", "arrow", "made", "further", "chained", "fetched"])
def test_functions_of_the_repository_that_make_promises(name: str) -> None:
    found = made(f"{name}();", f"import {{ {name} }} from './lib';")
    assert found is not None
    assert found.evidence == "high"
    assert found.site is not None
    assert found.site.path == "lib.ts"


@pytest.mark.parametrize("name", ["sync", "shouted", "pages", "missing"])
def test_functions_that_make_none(name: str) -> None:
    assert made(f"{name}('');", f"import {{ {name} }} from './lib';") is None


@pytest.mark.parametrize(
    ("statement", "head"),
    [
        ("service.send();", "import service from './lib';"),
        ("lib.plain();", "import * as lib from './lib';"),
        ("lib.plain();", "const lib = require('./lib');"),
        ("run();", "import { plain as run } from './lib';"),
        ("plain();", "import { plain } from './barrel';"),
        ("mailer.send();", "import { mailer } from './lib';"),
        ("Mailer.all();", "import { Mailer } from './lib';"),
    ],
)
def test_methods_other_names_and_barrels(statement: str, head: str) -> None:
    assert made(statement, head, barrel="export { plain } from './lib';") is not None


@pytest.mark.parametrize(
    ("statement", "head"),
    [("service.count();", "import service from './lib';"), ("mailer.count();", "import { mailer } from './lib';")],
)
def test_methods_that_make_no_promise(statement: str, head: str) -> None:
    assert made(statement, head) is None


def test_a_function_inside_the_function_goes_before_one_of_the_module() -> None:
    assert made("run(); function run() {}", "async function run() {}") is None
    assert made("run(); async function run() {}", "function run() {}") is not None


@pytest.mark.parametrize(
    ("statement", "head"),
    [
        ("fetch('/');", ""),
        ("globalThis.fetch('/');", ""),
        ("Promise.all([a]);", ""),
        ("axios('/');", "import axios from 'axios';"),
        ("axios.post('/');", "import axios from 'axios';"),
        ("api.get('/');", "import axios from 'axios';\nconst api = axios.create({});"),
        ("resend.emails.send({});", "import { Resend } from 'resend';\nconst resend = new Resend('');"),
        ("mail.sendMail({});", "import nodemailer from 'nodemailer';\nconst mail = nodemailer.createTransport({});"),
        ("sg.send({});", "import sg from '@sendgrid/mail';"),
    ],
)
def test_packages_that_make_promises(statement: str, head: str) -> None:
    found = made(statement, head)
    assert found is not None
    assert (found.evidence, found.lazy) == ("high", "")


@pytest.mark.parametrize(
    ("statement", "head"),
    [
        ("Promise.resolve(1);", ""),
        ("axios.create({});", "import axios from 'axios';"),
        (
            "mail.sendMail({}, () => 0);",
            "import nodemailer from 'nodemailer';\nconst mail = nodemailer.createTransport({});",
        ),
        ("db.$on('query', log);", "import { PrismaClient } from '@prisma/client';\nconst db = new PrismaClient();"),
        ("unknown.send();", "import unknown from 'unknown';"),
        ("undeclared();", ""),
    ],
)
def test_calls_of_packages_that_make_none_or_that_nobody_knows(statement: str, head: str) -> None:
    assert made(statement, head) is None


DB = "import { PrismaClient } from '@prisma/client';\n"


@pytest.mark.parametrize(
    "client",
    [
        "export const db = new PrismaClient();",
        "export const db = globalThis.db ?? new PrismaClient().$extends({});",
        "const make = () => new PrismaClient();\nexport const db = globalThis.db || make();",
        "let db;\nif (!db) db = new PrismaClient();\nexport { db };",
    ],
)
def test_a_client_that_another_file_makes(client: str) -> None:
    found = made("db.user.update({});", "import { db } from './db';", db=DB + client)
    assert found is not None
    assert found.lazy == "Prisma"


def test_a_query_is_started_by_what_is_chained_to_it() -> None:
    found = made(
        "db.user.update({}).catch(log);", "import { db } from './db';", db=DB + "export const db = new PrismaClient();"
    )
    assert found is not None
    assert found.lazy == ""


def test_what_has_the_methods_of_a_promise_is_taken_for_one() -> None:
    found = made("bus.publish('a').catch(log);", "import { bus } from 'unknown';")
    assert found is not None
    assert found.evidence == "medium"


def test_an_instance_that_the_function_makes() -> None:
    assert made("const one = new Mailer(); one.send();", "import { Mailer } from './lib';") is not None
    assert made("const one = new Mailer(); one.count();", "import { Mailer } from './lib';") is None


def test_queues_are_weak_evidence() -> None:
    found = made("queue.add('a');", "import { Queue } from 'bullmq';\nconst queue = new Queue('mail');")
    assert found is not None
    assert found.evidence == "low"


def test_a_method_of_the_same_class() -> None:
    text = "class A {\n  async send() {}\n  count() {}\n  run() { this.send(); }\n  other() { this.count(); }\n}\n"
    promises = Promises(code_of({"a.ts": text}))
    found = {use.name: promises.made("a.ts", use) is not None for use in promises.results("a.ts").uses}
    assert found == {"this.send": True, "this.count": False}
