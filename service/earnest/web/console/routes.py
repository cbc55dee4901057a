"""The console's page, and the blocks that it asks for. Its buttons call the API, with a merchant's key."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from earnest.web.console.chain import read_chain
from earnest.web.console.wallet import answer
from earnest.web.errors import NoSuchPage
from earnest.web.route import page, router, site_of, words_for
from earnest.web.site import PageChain, Site
from earnest.web.turns import NODE_SECONDS, asks_node

routes = router()

Have = Annotated[str, Query(pattern="^(0x[0-9a-f]{64})?$", description="The newest block's hash that the page has.")]


class WalletRequest(BaseModel):
    """What a page asks of a wallet. Source: EIP-1193."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = Field(max_length=100)
    params: list[Any] = Field(default_factory=list, max_length=10)


@routes.get("/console")
def get_console(request: Request) -> HTMLResponse:
    """Return the page; on a chain that is not the developer's there is none."""
    chain = developers_chain(site_of(request))
    words = words_for(request)
    return page(
        request,
        "console/page.html",
        chain_id=chain.network.chain_id,
        escrow=chain.place.escrow or "",
        tokens=[each.symbol for each in (*chain.network.tokens, chain.network.coin)],
        script_words=words.under("console.js."),
    )


@routes.get("/console/blocks")
@asks_node(NODE_SECONDS)
def get_blocks(request: Request, have: Have = "") -> JSONResponse:
    """Return the blocks that the page has not yet."""
    chain = developers_chain(site_of(request))
    told = read_chain(chain.place.node, chain.network, chain.place.escrow, have)
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


@routes.post("/console/wallet")
@asks_node(None)
def post_wallet(body: WalletRequest, request: Request) -> JSONResponse:
    """Answer as the buyer's wallet, on the developer's chain alone: its key is known to the world anyway."""
    chain = developers_chain(site_of(request))
    return JSONResponse({"result": answer(chain.place.node, body.method, body.params)})


def developers_chain(site: Site) -> PageChain:
    """Return the chain that everybody may play with; raises `NoSuchPage` where real ones are served."""
    for each in site.chains.values():
        if each.network.is_local:
            return each
    raise NoSuchPage("the console is for the developer's chain alone")
