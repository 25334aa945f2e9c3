"""What a cheap look clears of dropping promises, and what it must not clear."""

from __future__ import annotations

import pytest

from reviewer.core.floatingpromises import may_float
from tests.core.trees import code_of

LIBRARY = """
export async function send() {}
export const mail = async () => 1;
export const later = () => fetch('/');
export function relay() {
  return send();
}
export function check(text) {
  if (!text) throw new Error();
}
export const storage = { async remove() {} };
"""


def suspected(body: str, head: str = "import { send, mail, later, relay, check, storage } from './lib';") -> bool:
    text = f"{head}\nexport async function POST(request) {{\n{body}\n}}\n"
    return may_float(code_of({"a.ts": text, "lib.ts": LIBRARY}), "a.ts")


@pytest.mark.parametrize(
    "body",
    [
        "  send();",
        "  void mail();",
        "  later().catch(console.error);",
        "  relay();",
        "  storage.remove();",
        "  storage\n    .remove();",
        "  if (request) send();",
        "  if (request) {\n  } else send();",
        "  request && send();",
        "  request.ids.forEach((id) => send(id));",
        "  fetch('/');",
        "  Promise.all([]);",
        "  const supabase = open();\n  supabase.from('a').insert({});",
        "  // first\n  (async () => {\n    await send();\n  })();",
        "  void (async () => {})();",
        "  setTimeout(async () => {}, 1);",
        "  request.ids.forEach(async (id) => {});",
        "  local();\n  async function local() {}",
        "  request.bus.publish('a').catch(console.error);",
        "  const tracker = new Tracker();\n  tracker.file('a');",
    ],
)
def test_what_may_drop_a_promise(body: str) -> None:
    assert suspected(body)


@pytest.mark.parametrize(
    "body",
    [
        "  await send();",
        "  return send();",
        "  const kept = await send();",
        "  await Promise.all([\n    send(),\n    mail(),\n  ]);",
        "  check('a');",
        "  console.log('a');",
        "  items.push(1);",
        "  waitUntil(send());",
        "  waitUntil(\n    (async () => {\n    })(),\n  );",
        "  after(async () => {});",
        "  await run(async () => {});",
        "  local();\n  function local() {}",
        "  revalidatePath('/');",
        "  const seen = new Map();\n  seen.mark('a');",
        "  const body = await request.json().catch(() => null);",
    ],
)
def test_what_is_cleared(body: str) -> None:
    assert not suspected(body)


def test_a_queue_of_the_file_is_looked_at() -> None:
    assert suspected("  queue.add('a');", "import { Queue } from 'bullmq';\nconst queue = new Queue('mail');")
    assert not suspected("  seen.add('a');", "const seen = new Set();")
