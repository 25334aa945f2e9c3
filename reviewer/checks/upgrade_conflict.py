"""WebSocket servers that take or refuse upgrades which are Next's, or take their own twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.finding import Arg, Finding, Level, Site, Suggestion
from reviewer.core.project import Project
from reviewer.core.servers import CustomServer
from reviewer.core.sockets import Socket, Upgrade, sockets_in, upgrades_in

_SERVER_OPTION = re.compile(r"\bserver(?:\s*:\s*[\w.]+)?(?=\s*[,}])")


def ws_upgrade_conflict(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Sockets on a server that runs Next, and sockets of any server that are upgraded twice."""
    shared = set()
    for server in project.servers_of(app):
        shared |= set(server.files)
        yield from _Conflicts(app, project, settings, server.files, server).findings()
    for path in sorted(project.marked[settings.rule.id] - shared):
        if project.code.package_of(path) is app.package:
            yield from _Conflicts(app, project, settings, (path,), None).findings()


@dataclass(frozen=True)
class _Conflicts:
    """The conflicts of the files that make up one server; ``server`` is None where it does not run Next."""

    app: App
    project: Project
    settings: Settings
    files: tuple[str, ...]
    server: CustomServer | None

    def findings(self) -> Iterator[Finding]:
        code = self.project.code
        sockets = [socket for path in self.files for socket in sockets_in(code, path)]
        upgrades = [upgrade for path in self.files for upgrade in upgrades_in(code, path)]
        handled: dict[str, list[Upgrade]] = {}
        for upgrade in upgrades:
            for identity in dict.fromkeys(upgrade.handles):
                handled.setdefault(identity, []).append(upgrade)
        for socket in sockets:
            yield from self._of_socket(socket, handled.get(socket.identity, []))
        if self.server is not None and self._matters_in_development(self.server):
            for upgrade in upgrades:
                if upgrade.server in self.server.dispatchers and upgrade.destroys and not upgrade.forwards:
                    yield self._closing(upgrade)

    def _of_socket(self, socket: Socket, handled: list[Upgrade]) -> Iterator[Finding]:
        listed = self.settings.listed("answers_everything")
        if socket.server and handled:
            yield self._finding("double", socket, handled)
        elif self.server is None or socket.server not in self.server.dispatchers:
            return
        elif self._is_served(socket):
            yield self._finding("collision", socket, [])
        elif (
            socket.module.split("/")[0] in listed
            and not socket.conditional
            and self._matters_in_development(self.server)
        ):
            yield self._finding("shared", socket, [])

    def _is_served(self, socket: Socket) -> bool:
        """Whether Next serves the path of a socket itself, in a version for which it is known to end such sockets."""
        if not socket.url or self.app.version("next").lt("14.0.0") is not False:
            return False
        return self.app.serves(socket.url.rstrip("/")) is not None

    def _matters_in_development(self, server: CustomServer) -> bool:
        """Whether Next may run in development mode on this server, so that its own sockets matter."""
        dev = server.option("dev")
        is_off = dev is not None and (dev[1] is None or dev[1].name == "false")
        return bool(self.settings.options["report_dev_only"]) and not is_off

    def _closing(self, upgrade: Upgrade) -> Finding:
        site = Site(upgrade.path, upgrade.line, upgrade.column, upgrade.end_line, "sockets are closed here")
        args: dict[str, Arg] = {"form": "closing", "made": "", "url": "", "runs_next": True}
        return self.settings.finding(self.app, [site, *self._next()], key="closing", args=args)

    def _finding(self, form: str, socket: Socket, handled: list[Upgrade]) -> Finding:
        site = Site(socket.path, socket.line, socket.column, socket.end_line, "the WebSocket server is created here")
        places = [Site(u.path, u.line, u.column, u.line, "`handleUpgrade` is called from here") for u in handled]
        runs_next = self.server is not None
        level: Level = "error" if form == "collision" or not runs_next else "warning"
        return self.settings.finding(
            self.app,
            [site, *places, *self._next()],
            key=f"{form}:{socket.symbol}",
            level=level,
            args={
                "form": form,
                "made": socket.module,
                "url": "" if socket.url is None else socket.url,
                "runs_next": runs_next,
            },
            suggestion=self._suggestion(socket) if form == "double" else None,
        )

    def _next(self) -> Iterator[Site]:
        if self.server is not None:
            yield Site(self.server.file, self.server.line, 1, self.server.line, "Next is started here")

    def _suggestion(self, socket: Socket) -> Suggestion:
        """``noServer: true`` in place of the server; kept only where the options stand on one line."""
        source = self.project.files.source(socket.path)
        line = source.line_text(socket.line) if source is not None else ""
        return Suggestion(socket.path, socket.line, socket.line, _SERVER_OPTION.sub("noServer: true", line))
