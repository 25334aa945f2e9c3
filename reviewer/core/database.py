"""Where server code talks to a database: the file that makes a client, else one that imports it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reviewer.core.code import Code
from reviewer.core.facts import Import
from reviewer.core.manifest import Package
from reviewer.core.matrix import Fact
from reviewer.core.symbols import SPEAKING_LENGTH
from reviewer.core.text import first_line

MAX_CONFIRMED = 20
_CLIENTS = (
    *("@prisma/client", "drizzle-orm", "mongoose", "mongodb", "pg", "postgres", "mysql", "mysql2", "knex", "typeorm"),
    *("sequelize", "kysely", "better-sqlite3", "@libsql/client", "@planetscale/database", "@neondatabase/serverless"),
    *("@vercel/postgres", "@mikro-orm/core", "objection", "firebase-admin", "@supabase/supabase-js"),
    *("@nestjs/typeorm", "@nestjs/mongoose", "@nestjs/sequelize", "@mikro-orm/nestjs"),
)
_ADAPTER = "@prisma/adapter-"
_GENERATED_WORDS = ("generated/prisma", "generated/client")
_GENERATED = re.compile(r"(?:^|[/@])generated/(?:[\w-]+/)*(?:prisma|client)(?:/|$)")
_MAKES = re.compile(
    rb"\bnew\s+(?:PrismaClient|MongoClient|Sequelize|DataSource|Kysely|(?:pg\.)?(?:Pool|Client))\b(?=\s*[(<])"
    rb"|\bmongoose\.(?:connect|createConnection)(?=\()|\b(?:drizzle|knex|postgres|neon|createPool)(?=[(<])"
)
_SCHEMA = re.compile(
    r"(?:^|[/._-])(?:schemas?|models?|enums?|types?|constants?|migrat(?:e|ions?)|seed(?:s|er|ers)?|fixtures|scripts|integration)"
    r"(?:[/._-]|$)",
    re.IGNORECASE,
)
_SPEAKS = re.compile(r"(?i)^(?:db|prisma|pool|sql|knex|client|connection|database)$|client$|(?:^|/)(?:db|client)$")


def database_client(code: Code, package: Package, apis: Sequence[str], scripts: Sequence[str]) -> Fact | None:
    """The server file that makes a database client; where none does, one that imports a client or a package of the
    workspace made around one. Files of schemas, migrations and the like come last."""
    names = sorted(_names(code, package))
    words = tuple(word for name in names for word in _quoted(name))
    if not words:
        return None
    routes = frozenset(apis)
    marked = code.files.containing(sorted({*apis, *scripts}), {"database": words})["database"]
    made = {path: match for path in marked if (match := _made(code, path)) is not None}
    ordered = sorted(marked, key=lambda path: (_is_schema(path), path not in made, path not in routes, path))
    imported: list[tuple[bool, bool, Fact]] = []
    for path in ordered[:MAX_CONFIRMED]:
        item = _imported(code, path, names)
        if item is None:
            continue
        if path in made and not _is_schema(path):
            line, spelled = made[path]
            return Fact("server code makes a database client, {}", path, line, names=(spelled,))
        fact = Fact("server code imports the database client {}", path, item.line, names=(item.module,))
        imported.append((_is_schema(path) or _is_schema(item.module), not _speaks(item), fact))
    return min(imported, key=lambda row: row[:2], default=(False, False, None))[2]


def is_client_module(code: Code, importer: str, module: str) -> bool:
    """Whether a file imports a database client by that name: a package's, or what a file of the repository makes."""
    target = code.resolver.resolve(importer, module)
    if target is not None:
        return _MAKES.search(code.files.raw(target) or b"") is not None
    return any(_is_of(module, name) for name in _CLIENTS) or _GENERATED.search(module) is not None


def _made(code: Code, path: str) -> tuple[int, str] | None:
    """The line that makes a client, and how it is spelled."""
    data = code.files.raw(path) or b""
    match = _MAKES.search(data)
    line = first_line(data, _MAKES) if match is not None else 0
    if match is None or not line:
        return None
    found = _MAKES.search(data.split(b"\n", line)[line - 1])
    return line, b" ".join((found or match)[0].split()).decode()


def _is_schema(path: str) -> bool:
    return _SCHEMA.search(path) is not None


def _speaks(item: Import) -> bool:
    """Whether a client is imported, and not only tables and operators."""
    return any(_SPEAKS.search(word) for word in (item.module, *(name for name, _ in item.names)))


def _imported(code: Code, path: str, names: Sequence[str]) -> Import | None:
    facts = code.surface(path)
    found = None
    for item in facts.imports if facts is not None and "use client" not in facts.directives else ():
        if not item.type_only and any(_is_of(item.module, name) for name in names):
            found = item if found is None or (_speaks(item) and not _speaks(found)) else found
    return found


def _is_of(module: str, name: str) -> bool:
    if name in _GENERATED_WORDS:
        return _GENERATED.search(module) is not None
    return module == name or module.startswith(name if name.endswith("-") else name + "/")


def _names(code: Code, package: Package) -> Iterator[str]:
    """Modules that are a client, or hold one: those an application asks for, and packages of its workspace."""
    yield from (name for name in _CLIENTS if code.spec(package, name) is not None)
    adapters = any(name.startswith(_ADAPTER) for name in package.dependencies)
    if adapters:
        yield _ADAPTER
    if adapters or code.spec(package, "@prisma/client") is not None or code.spec(package, "prisma") is not None:
        yield from _GENERATED_WORDS
    for other in code.packages.values():
        if other.name in package.dependencies and any(_is_client(name) for name in other.dependencies):
            yield other.name


def _is_client(name: str) -> bool:
    return name in _CLIENTS or name.startswith(_ADAPTER)


def _quoted(name: str) -> Iterator[tuple[bytes, ...]]:
    if len(name) >= SPEAKING_LENGTH:
        yield (name.encode(),)
    else:
        yield from ((f"{quote}{name}{end}".encode(),) for quote in "'\"" for end in (quote, "/"))
