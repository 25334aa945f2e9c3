"""The whole service in one process: web server and worker, put together from the settings."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

import sqlalchemy as sa
import uvicorn

from reviewer.github.app import GitHubApp
from reviewer.github.errors import GitHubError
from reviewer.github.events import Identity
from reviewer.service.analysis import Analysts, Content
from reviewer.service.database import connect, migrate
from reviewer.service.inbox import Desk
from reviewer.service.jobs import DurableQueue, Worker
from reviewer.service.log import logger
from reviewer.service.review import Reviewer
from reviewer.service.server import uvicorn_config
from reviewer.service.settings import Settings
from reviewer.service.store import Store
from reviewer.service.surveys import Surveyor
from reviewer.service.web import create_app
from reviewer.sources import Mirrors

SECONDS_TO_FINISH = 20
POOL = 5
WEB_PATIENCE = 4

_log = logger(__name__)


class Service:
    """Web server and worker of one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        url = settings.database_url.get_secret_value()
        migrations = connect(url, 1)
        migrate(migrations)
        migrations.dispose()
        # The web server has connections of its own, so that jobs never keep a webhook waiting for one, and gives up
        # well before GitHub does, which waits ten seconds.
        self._engines = [connect(url, 1, WEB_PATIENCE), connect(url, 1, WEB_PATIENCE), connect(url, POOL)]
        web, queue, work = self._engines
        self._queue = DurableQueue(queue)
        self._app = GitHubApp(settings.app_id, settings.private_key.get_secret_value(), settings.github_api_url)
        self._analysts = Analysts(settings.workers)
        self._inbox = Desk(Store(web), self._queue)
        self._worker = self._make_worker(url, Store(work))

    def _make_worker(self, url: str, store: Store) -> Worker:
        mirrors = Mirrors(self.settings.cache_dir, self.settings.cache_bytes)
        content = Content(store, self._app, mirrors, self._analysts, self.settings.git_url)
        desk = Desk(store, self._queue)
        reviewer = Reviewer(store, content, self.settings.public_url)
        return Worker(
            url, self.settings.workers, reviewer, Surveyor(store, self._app, desk), desk, self.settings.patience
        )

    def run(self, host: str, port: int) -> None:
        """Serves until it is told to end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            # While it serves, uvicorn ends at these signals; afterwards it sends them again, which would end the
            # process before the worker has finished its reviews.
            signal.signal(number, lambda *_: sys.exit(0))
        self._worker.start()
        try:
            threading.Thread(target=self._greet, name="greeting", daemon=True).start()
            identity = Identity(app=self.settings.app_id)
            app = create_app(self._inbox, self.settings.webhook_keys(), self._ready, identity=identity)
            _log.info("listening", url=f"http://{host}:{port}")
            uvicorn.Server(uvicorn_config(app, host, port)).run()
        finally:
            self._stop()

    def _greet(self) -> None:
        """Says in the log whether GitHub knows the App: a wrong key shows before the first pull request."""
        try:
            _log.info("GitHub knows the App", login=self._app.login)
        except GitHubError as error:
            _log.error("GitHub does not accept the App's id and private key, or is away", reason=str(error))

    def _ready(self) -> Sequence[str]:
        reasons = [] if self._worker.is_running() else ["the worker is not running"]
        try:
            with self._engines[0].connect() as c:
                c.execute(sa.text("SELECT 1"))
        except sa.exc.DBAPIError:
            reasons.append("the database does not answer")
        return reasons

    def _stop(self) -> None:
        _log.info("ending: running reviews are finished or left for the next start")
        self._worker.stop(SECONDS_TO_FINISH, is_ending=True)
        self._queue.close_connections()
        self._analysts.close()
        self._app.close()
        for engine in self._engines:
            engine.dispose()


def serve(settings: Settings, host: str, port: int) -> NoReturn:
    """Runs the service until it is told to end, and ends the process."""
    status = 1
    try:
        Service(settings).run(host, port)
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 1
    except Exception:  # noqa: BLE001 - the boundary: the log says what ended the service
        _log.exception("the service ended")
    logging.shutdown()
    os._exit(status)  # whatever did not finish ends now, not when it likes
