"""Whether an image runs something else than Node."""

from __future__ import annotations

import re

from reviewer.core.commands import Commands
from reviewer.core.dockerfile import Stage

_OTHER_PROGRAMS = re.compile(
    r"python[\d.]*|uvicorn|gunicorn|celery|flask|django-admin|java|ruby|rails|puma|bundle|php(?:-fpm)?|apache2\S*|"
    r"httpd\S*|nginx|caddy|traefik|go|cargo|dotnet|mix|elixir|postgres|redis-server|mysqld|mongod"
)
_MAY_HOLD_NODE = re.compile(r"node|npm|pnpm|yarn|bun|deno|next|\$")


def runs_another_program(stage: Stage, command: str) -> bool:
    """Whether an image clearly starts neither Node nor a script that might start it."""
    processes = Commands({}, ()).resolve(command, "")
    names = [process.name.rpartition("/")[2] for process in processes]
    if not processes or any(process.kind != "other" or _MAY_HOLD_NODE.search(process.name) for process in processes):
        return False
    if any(_OTHER_PROGRAMS.fullmatch(name) for name in names):
        return True
    made_of = [stage.base, *(command.text for command in stage.commands)]
    is_script = any(re.search(r"\.\w+$|entry-?point|^start|^run$", name) for name in names)
    return not is_script and not any(_MAY_HOLD_NODE.search(text) for text in made_of)
