"""One thread writes. Jobs that wait together share one commit; a job that fails, fails alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from nightforge.errors import StoreFault
from nightforge.store.faults import is_retryable, store_fault
from nightforge.store.ledger import Ledgers

logger = logging.getLogger(__name__)
T = TypeVar("T")

MAX_BATCH = 64
MAX_TRIES = 3


@dataclass
class _Job(Generic[T]):
    """Work on the open transaction. It may run more than once, so it changes nothing but the database."""

    work: Callable[[Ledgers], T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]
    result: T | None = field(default=None)
    error: Exception | None = field(default=None)

    def deliver(self) -> None:
        if self.future.done():  # the awaiting task was cancelled; the write stands all the same
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]


class Writer:
    """Runs jobs in order on its own thread and connection; a job is committed before its await returns."""

    def __init__(self, engine: Engine, *, where: str) -> None:
        self._engine = engine
        self._where = where
        self._queue: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None
        self._closed = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Raises StoreFault, or whatever `work` raised; then nothing of this job was written."""
        return await self.run_with_ledgers(lambda ledgers: work(ledgers.plain()))

    async def run_with_ledgers(self, work: Callable[[Ledgers], T]) -> T:
        """The same for a job on a campaign's ledger."""
        loop = asyncio.get_running_loop()
        job: _Job[T] = _Job(work, loop, loop.create_future())
        with self._lock:
            if self._closed:
                raise StoreFault("the store is closed", where=self._where, hint="open it again before writing")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="nightforge-store", daemon=True)
                self._thread.start()
            self._queue.put(job)  # type: ignore[arg-type]
        return await job.future

    async def close(self) -> None:
        """Finish what is queued, then end the thread. Idempotent."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
            if thread is not None:
                self._queue.put(None)
        if thread is not None:
            await asyncio.to_thread(thread.join)
        self._engine.dispose()

    def _work(self) -> None:
        ended = False
        while not ended:
            first = self._queue.get()
            batch: list[_Job[object]] = []
            ended = first is None
            if first is not None:
                batch.append(first)
            while not ended and len(batch) < MAX_BATCH:
                try:
                    job = self._queue.get_nowait()
                except Empty:
                    break
                if job is None:
                    ended = True
                else:
                    batch.append(job)
            if batch:
                self._settle(batch)
                _deliver(batch)
        self._drop_connection()

    def _settle(self, batch: Sequence[_Job[object]]) -> None:
        """Run and commit all, or find out one by one which of them fails."""
        error = self._try(batch)
        if error is None:
            return
        if len(batch) == 1 or isinstance(error, _BeginFailed):
            cause = error.cause if isinstance(error, _BeginFailed) else error
            for job in batch:
                job.error = cause
            return
        for job in batch:
            self._settle([job])

    def _try(self, batch: Sequence[_Job[object]]) -> Exception | None:
        """One transaction. None when committed; the error when rolled back."""
        for attempt in range(1, MAX_TRIES + 1):
            committing = False
            try:
                connection = self._begin()
                ledgers = Ledgers(connection)
                for job in batch:
                    job.result = job.work(ledgers)
                    job.error = None
                ledgers.close()
                committing = True
                connection.commit()
                return None
            except _BeginFailed as error:
                return error
            except DBAPIError as error:
                self._roll_back()
                # After a lost connection during COMMIT nobody knows whether it took effect: never run twice.
                again = is_retryable(error) or (error.connection_invalidated and not committing)
                if not again or attempt == MAX_TRIES:
                    return store_fault(error, where=self._where)
                logger.warning("the database asked for a retry: %s", error.orig)
            except Exception as error:
                self._roll_back()
                return error
        raise AssertionError("unreachable: the last try returns")

    def _begin(self) -> Connection:
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            self._connection.begin()
        except DBAPIError as error:
            self._drop_connection()
            raise _BeginFailed(store_fault(error, where=self._where)) from error
        return self._connection

    def _roll_back(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            connection.rollback()
        except DBAPIError:
            logger.exception("rolling back failed; the connection is given up")
            self._drop_connection()
            return
        if connection.invalidated:
            self._drop_connection()

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(DBAPIError):
                connection.close()


class _BeginFailed(Exception):
    """No transaction could be opened: every waiting job fails at once instead of waiting out its own timeout."""

    def __init__(self, cause: StoreFault) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _deliver(batch: Sequence[_Job[object]]) -> None:
    """Wake each event loop once per commit."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job[object]]] = {}
    for job in batch:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_deliver_here, jobs)
        except RuntimeError:
            logger.debug("the event loop ended before %d write(s) could report back", len(jobs))


def _deliver_here(jobs: Sequence[_Job[object]]) -> None:
    for job in jobs:
        job.deliver()
