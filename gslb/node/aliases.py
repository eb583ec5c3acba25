"""Names that stand for endpoints (``alias:``): resolved again at their TTL, the last good kept.

`AliasSchedule` decides when and what, sans-IO; `AliasResolver` asks the resolvers and keeps what
they said in a file, so that a start without them answers as before.
"""

from __future__ import annotations

import asyncio
import heapq
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dns.exception
import dns.name

from gslb.listen import Listen
from gslb.logs import Log
from gslb.steering.situation import AliasAddresses

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

MIN_SECONDS, MAX_SECONDS = 5.0, 300.0  # a TTL is taken as at least this, and at most
FIRST_RETRY_SECONDS = 5.0  # after a failure; doubles up to MAX_SECONDS
MAX_ADDRESSES = 32  # of one family; a balancer with more is answered with its first ones
MAX_LOOKUPS = 32  # under way at one time
LOOKUP_SECONDS = 5.0

_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What resolvers said of one family. `addresses` empty: the name has none (NODATA)."""

    addresses: tuple[bytes, ...]
    ttl: float  # seconds


@dataclass(slots=True)
class _State:
    failures: int = 0
    due: float = 0.0


class AliasSchedule:
    """When each alias is asked for again, and what it resolves to meanwhile. Times are monotonic."""

    def __init__(self, known: Mapping[bytes, AliasAddresses] | None = None) -> None:
        """Begin with what was *known* before."""
        self.addresses: dict[bytes, AliasAddresses] = dict(known or {})
        self._states: dict[bytes, _State] = {}
        self._queue: list[tuple[float, bytes]] = []

    def watch(self, names: Iterable[bytes], now: float) -> None:
        """Have exactly *names* resolved; new ones are due at once, the others are forgotten."""
        wanted = set(names)
        for name in wanted - self._states.keys():
            self._put(name, _State(), now)
        for name in self._states.keys() - wanted:
            del self._states[name]
            self.addresses.pop(name, None)
        for name in self.addresses.keys() - wanted:
            del self.addresses[name]

    def unresolved(self) -> set[bytes]:
        """Return the watched names that never had an address."""
        return {name for name in self._states if name not in self.addresses}

    def next_due(self) -> float | None:
        """Return when the next name is due, if any is scheduled."""
        self._drop_stale()
        return self._queue[0][0] if self._queue else None

    def take_due(self, now: float) -> list[bytes]:
        """Return the names to ask for now; each comes back after `resolved` or `failed` only."""
        due = []
        while (next_due := self.next_due()) is not None and next_due <= now:
            due.append(heapq.heappop(self._queue)[1])
        return due

    def resolved(self, name: bytes, v4: Found | None, v6: Found | None, now: float) -> bool:
        """Note what *name* has; None for a family that could not be asked: it keeps what it had.

        A name with no address at all counts as a failure. Returns whether anything has changed.
        """
        state = self._states.get(name)
        if state is None:
            return False
        before = self.addresses.get(name, AliasAddresses())
        after = AliasAddresses(
            _first(v4) if v4 else before.a,
            _first(v6) if v6 else before.aaaa,
        )
        said = [found for found in (v4, v6) if found is not None]
        if not any(found.addresses for found in said):
            self._fail(name, state, now)
            return False
        state.failures = 0
        ttl = min(found.ttl for found in said)
        if len(said) < 2:  # the other family is worth another try before long
            ttl = min(ttl, FIRST_RETRY_SECONDS)
        self._put(name, state, now + min(max(ttl, MIN_SECONDS), MAX_SECONDS))
        self.addresses[name] = after
        return after != before

    def _fail(self, name: bytes, state: _State, now: float) -> None:
        delay = FIRST_RETRY_SECONDS * 2.0 ** min(state.failures, 16)
        state.failures += 1
        self._put(name, state, now + min(delay, MAX_SECONDS))

    def _put(self, name: bytes, state: _State, due: float) -> None:
        state.due = due
        self._states[name] = state
        heapq.heappush(self._queue, (due, name))

    def _drop_stale(self) -> None:
        """Drop the queue's entries of names that are watched no more, or were put elsewhere."""
        while self._queue:
            due, name = self._queue[0]
            state = self._states.get(name)
            if state is not None and state.due == due:
                return
            heapq.heappop(self._queue)


def _first(found: Found) -> tuple[bytes, ...]:
    return tuple(sorted(set(found.addresses))[:MAX_ADDRESSES])


def read_known(path: Path) -> dict[bytes, AliasAddresses]:
    """Return what `write_known` kept; nothing if the file is missing or not ours."""
    try:
        kept = json.loads(path.read_text())
        return {
            bytes.fromhex(name): AliasAddresses(
                tuple(bytes.fromhex(address) for address in families["a"]),
                tuple(bytes.fromhex(address) for address in families["aaaa"]),
            )
            for name, families in kept.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        _log.warning("kept alias addresses are not readable", file=str(path), reason=str(error))
        return {}


def write_known(path: Path, known: Mapping[bytes, AliasAddresses]) -> None:
    """Keep *known* at *path*; a disk that is full costs freshness at the next start only."""
    text = json.dumps(
        {
            name.hex(): {"a": [a.hex() for a in had.a], "aaaa": [a.hex() for a in had.aaaa]}
            for name, had in sorted(known.items())
        }
    )
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as error:
        _log.warning("alias addresses not kept", file=str(path), reason=str(error))


class AliasResolver:
    """Keeps a schedule going. Call `watch` whenever the policies have changed."""

    def __init__(
        self,
        path: Path,
        resolvers: Sequence[Listen],
        changed: Callable[[Mapping[bytes, AliasAddresses]], None],
    ) -> None:
        """Keep addresses at *path*, ask *resolvers* (none: the system's), tell *changed* of news."""
        self._path = path
        self._schedule = AliasSchedule(read_known(path))
        self._changed = changed
        self._wake = asyncio.Event()  # something new is scheduled
        self._news = asyncio.Event()  # something new is known
        self._resolver: Resolver | None = None
        self._servers = list(resolvers)

    @property
    def addresses(self) -> Mapping[bytes, AliasAddresses]:
        """What every alias has now; a copy."""
        return dict(self._schedule.addresses)

    def watch(self, names: Iterable[bytes]) -> None:
        """Resolve exactly *names* from now on."""
        self._schedule.watch(names, asyncio.get_running_loop().time())
        self._wake.set()

    async def all_resolved(self) -> None:
        """Wait until every watched name has had an address at some time."""
        while self._schedule.unresolved():
            self._news.clear()
            await self._news.wait()

    async def run(self) -> None:
        """Resolve what is due, until cancelled."""
        loop = asyncio.get_running_loop()
        gate = asyncio.Semaphore(MAX_LOOKUPS)
        lookups: set[asyncio.Task[None]] = set()
        while True:
            for name in self._schedule.take_due(loop.time()):
                task = loop.create_task(self._refresh(name, gate))
                lookups.add(task)
                task.add_done_callback(lookups.discard)
            due = self._schedule.next_due()
            self._wake.clear()
            try:
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _refresh(self, name: bytes, gate: asyncio.Semaphore) -> None:
        async with gate:
            v4, v6 = await asyncio.gather(self._ask(name, "A"), self._ask(name, "AAAA"))
        loop = asyncio.get_running_loop()
        if self._schedule.resolved(name, v4, v6, loop.time()):
            write_known(self._path, self._schedule.addresses)
            self._changed(self.addresses)
            self._news.set()
        self._wake.set()

    async def _ask(self, wire_name: bytes, rtype: str) -> Found | None:
        """Return what the resolvers say; None if they say nothing of use."""
        name, _ = dns.name.from_wire(wire_name, 0)
        try:
            if self._resolver is None:
                self._resolver = self._make_resolver()
            answer = await self._resolver.resolve(
                name, rtype, search=False, raise_on_no_answer=False, lifetime=LOOKUP_SECONDS
            )
        except (dns.exception.DNSException, OSError) as error:
            _log.warning(
                "alias not resolved", alias=str(name), type=rtype, reason=str(error).splitlines()[0]
            )
            return None
        if answer.rrset is None:
            return Found((), MAX_SECONDS)
        ttl = answer.chaining_result.minimum_ttl  # of the chain of CNAMEs too
        return Found(tuple(rdata.to_wire() or b"" for rdata in answer.rrset), float(ttl))

    def _make_resolver(self) -> Resolver:
        # Here, not above: without aliases nobody is asked, and these take a start 40 ms of CPU.
        from dns.asyncresolver import Resolver  # noqa: PLC0415
        from dns.nameserver import Do53Nameserver  # noqa: PLC0415

        resolver = Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [
                Do53Nameserver(server.address, server.port) for server in self._servers
            ]
        return resolver
