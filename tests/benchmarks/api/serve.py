"""One side of the comparison as a process of its own: `python -m tests.benchmarks.api.serve (ours|bare) DATABASE`.

It prints its port, and serves until its input ends.
"""

from __future__ import annotations

import socket
import sys
from contextlib import closing
from threading import Event, Thread

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from earnest.api import Limits, create_app
from earnest.cli.logs import set_up_logs
from earnest.payment.primitives import Hash32
from earnest.store import Store, open_store
from earnest.store.records import PaymentFilter
from tests.support.ledger import MERCHANT
from tests.unit.api.house import ScriptedNode, make_services

UNBOUND = Limits(key_requests_per_second=1e9, key_burst=10**9, public_requests_per_second=1e9, public_burst=10**9)


def bare(store: Store) -> FastAPI:
    """Return handlers with the same queries and nothing else: no key, no limits, no representation, no log."""
    app = FastAPI()

    @app.get("/v1/payments/{id}")
    def get_payment(id: str) -> JSONResponse:  # noqa: A002
        with store.read() as tx:
            payment = tx.payments.find(MERCHANT.id, Hash32(id))
        assert payment is not None
        return JSONResponse({"id": payment.id, "status": str(payment.state.status), "held": str(payment.state.held)})

    @app.get("/v1/payments")
    def get_payments(limit: int = 20) -> JSONResponse:
        with store.read() as tx:
            page = tx.payments.page(MERCHANT.id, PaymentFilter(), limit=limit)
        return JSONResponse([{"id": each.id, "status": str(each.state.status)} for each in page.items])

    return app


def main(kind: str, database: str) -> None:
    set_up_logs()
    with closing(open_store(database)) as store:
        services = make_services(store, ScriptedNode(), lambda: 0, limits=UNBOUND)
        app = create_app(services) if kind == "ours" else bare(store)
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        web = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        stop, hub = Event(), getattr(app.state, "hub", None)
        if hub is not None:
            Thread(target=hub.run, args=(stop,), daemon=True).start()
        web.start()
        print(listener.getsockname()[1], flush=True)
        sys.stdin.read()
        stop.set()
        server.should_exit = True
        web.join(10)


if __name__ == "__main__":
    main(*sys.argv[1:])
