"""Faults on order: make the next calls of a method fail, come late or get no answer. For tests of what calls us."""

import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from earnest.localnet import params as read
from earnest.localnet.errors import SERVER_ERROR, ConnectionDropped, RpcError

METHOD = "earnest_faults"
ANY_METHOD = "*"
_DEFAULT_DELAY_SECONDS = 1.0


class FaultKind(StrEnum):
    """What befalls a call."""

    ERROR = "error"
    """It is answered with a JSON-RPC error, and not carried out."""
    DELAY = "delay"
    """It is carried out late."""
    DROP = "drop"
    """The connection is closed without an answer, and it is not carried out."""
    LOSE = "lose"
    """It is carried out, and then the connection is closed without an answer."""


@dataclass
class _Fault:
    kind: FaultKind
    times: int
    delay_seconds: float


class Faults:
    """The faults still to happen; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, list[_Fault]] = {}

    def order(self, params: list[Any]) -> dict[str, int]:
        """Take an order `{method, kind, times, seconds}`; without one, forget all. Returns what is still to come."""
        with self._lock:
            if not params or not params[0]:
                self._faults.clear()
            else:
                self._add(read.mapping(params[0], "fault"))
            return {method: sum(fault.times for fault in faults) for method, faults in self._faults.items()}

    def before(self, method: str) -> bool:
        """Let the fault ordered for this call happen. True if its answer must be lost after it was carried out.

        Raises `RpcError` or `ConnectionDropped`.
        """
        fault = self._take(method)
        if fault is None:
            return False
        if fault.kind is FaultKind.ERROR:
            raise RpcError(SERVER_ERROR, f"injected fault in {method}")
        if fault.kind is FaultKind.DROP:
            raise ConnectionDropped(f"injected fault: {method} was dropped")
        if fault.kind is FaultKind.DELAY:
            time.sleep(fault.delay_seconds)
        return fault.kind is FaultKind.LOSE

    def _add(self, order: dict[str, Any]) -> None:
        method = order.get("method") or ANY_METHOD
        kinds = [kind.value for kind in FaultKind]
        if order.get("kind") not in kinds:
            read.refuse(f"kind must be one of {', '.join(kinds)}, not {order.get('kind')!r}")
        delay = order.get("seconds", _DEFAULT_DELAY_SECONDS)
        if isinstance(delay, bool) or not isinstance(delay, int | float) or delay < 0:
            read.refuse(f"seconds must be a number that is not negative, not {delay!r}")
        times = read.quantity(order.get("times", 1), "times")
        self._faults.setdefault(str(method), []).append(_Fault(FaultKind(order["kind"]), times, float(delay)))

    def _take(self, method: str) -> _Fault | None:
        with self._lock:
            for name in (method, ANY_METHOD):
                for fault in self._faults.get(name, []):
                    if fault.times > 0:
                        fault.times -= 1
                        self._clean(name)
                        return fault
        return None

    def _clean(self, name: str) -> None:
        left = [fault for fault in self._faults[name] if fault.times > 0]
        if left:
            self._faults[name] = left
        else:
            del self._faults[name]
