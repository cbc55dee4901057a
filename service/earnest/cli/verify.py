"""`earnest verify`: check the proof of a payment, offline; on wish compare its blocks with a node of one's own."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape

from earnest.cli.console import out
from earnest.cli.own_verbs import API_URL, LOCAL_API
from earnest.cli.panels import PAY
from earnest.payment.primitives import Hash32

if TYPE_CHECKING:
    from earnest.chain.proofs.check import Proven

_ID: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_WHY_NO_STATE: Final = {
    "not_offered": "the service's node offers no eth_getProof",
    "refused": "the service's node did not answer eth_getProof for that block",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="verify", rich_help_panel=PAY)(verify)


def verify(
    source: Annotated[
        str, typer.Argument(metavar="FILE|-|ID", help="The proof's file, - for standard input, or a payment's id.")
    ],
    rpc_url: Annotated[
        list[str] | None,
        typer.Option(
            help="A node that you believe: its blocks are compared with the proof's. Given several times: each node's."
        ),
    ] = None,
    current: Annotated[
        bool, typer.Option("--current", help="Fail unless the status is proven to be the current one.")
    ] = False,
    api_url: API_URL = LOCAL_API,
) -> None:
    """Check the proof of a payment from its bytes alone; with an ID it is fetched from the service first.

    Prints what holds, line by line, and the verdict. Ends with status 1 where anything does not hold, saying what and
    where. What no proof can say by itself is whether its blocks are the chain's: --rpc-url asks a node for that.
    """
    from earnest.chain.proofs.check import check_proof  # noqa: PLC0415
    from earnest.chain.proofs.errors import ProofBroken  # noqa: PLC0415

    content = _read(source, api_url)
    try:
        proven = check_proof(content, _show)
        _check_asked(source, proven)
        code = None
        for url in rpc_url or ():
            code = _compare(proven, url)
    except ProofBroken as broken:
        out.print(f"[bold red]broken[/] {broken.layer:8} {escape(f'{broken.where}: {broken.why}')}")
        out.print("[bold red]The proof does not hold.[/]")
        raise typer.Exit(1) from None
    _show_code(proven, code)
    _show_verdict(proven, compared=bool(rpc_url))
    if current and proven.current_at is None:
        out.print("[bold red]Not proven:[/] that this is the current status (--current).")
        raise typer.Exit(1)


def _read(source: str, api_url: str) -> bytes:
    if _ID.fullmatch(source) and not Path(source).exists():
        from earnest.client import Client  # noqa: PLC0415

        with Client(api_url, patience_seconds=0) as client:
            return client.proof(source.lower())
    from earnest.chain.proofs.form import MAX_PROOF_BYTES  # noqa: PLC0415

    # One byte more than a proof may have shows that it has more; a file without end is not read to its end.
    if source == "-":
        return sys.stdin.buffer.read(MAX_PROOF_BYTES + 1)
    with Path(source).open("rb") as file:
        return file.read(MAX_PROOF_BYTES + 1)


def _check_asked(source: str, proven: Proven) -> None:
    """A service that is asked for one payment might answer with the good proof of another."""
    from earnest.chain.proofs.errors import Layer, ProofBroken  # noqa: PLC0415

    if _ID.fullmatch(source) and proven.payment_id != Hash32(source.lower()):
        raise ProofBroken(Layer.TERMS, "the payment's id", f"this is the proof of {proven.payment_id}")


def _compare(proven: Proven, rpc_url: str) -> bytes:
    """Compare the blocks with the node's; returns the code that it has at the escrow's address."""
    from earnest.chain.proofs.compare import code_at, compare_with_node  # noqa: PLC0415
    from earnest.chain.rpc import Rpc  # noqa: PLC0415

    node = Rpc(rpc_url, timeout_seconds=5.0, retries=1, patient=False)
    try:
        compare_with_node(proven, node, _show)
        return code_at(proven.escrow, node)
    finally:
        node.close()


def _show(layer: Any, what: str) -> None:
    out.print(f"[green]ok[/]     {layer:8} {escape(what)}")


def _show_code(proven: Proven, code: bytes | None) -> None:
    """Tell whose contract it is: by its address, which follows from its code, or by the code that a node has there."""
    from earnest.escrow.artifact import load  # noqa: PLC0415
    from earnest.escrow.create2 import create2_address  # noqa: PLC0415
    from earnest.escrow.errors import CodeMismatch  # noqa: PLC0415
    from earnest.escrow.verify import check_code  # noqa: PLC0415

    ours = load("Escrow")
    if create2_address(ours.bytecode) == proven.escrow:
        _show("code", f"{proven.escrow} is the address that follows from the code of this version's contract")
        return
    why = f"{proven.escrow} does not follow from the code of this version's contract; --rpc-url compares the code"
    if code is not None:
        try:
            check_code(ours, proven.escrow, proven.chain_id, code)
        except CodeMismatch as error:
            why = str(error)
        else:
            _show("code", f"the node has the code of this version's contract at {proven.escrow}")
            return
    out.print(f"[yellow]note[/]   {'code':8} whose contract it is was not shown: {escape(why)}")


def _show_verdict(proven: Proven, *, compared: bool) -> None:
    state, terms = proven.state, proven.terms
    out.print(f"Payment {proven.payment_id} on chain {proven.chain_id}, of {terms.amount} base units of {terms.token}")
    out.print(f"to merchant {terms.merchant}, buyer {state.buyer}: [bold]{state.status}[/] since {_time(state.since)}.")
    if proven.current_at is not None:
        at = proven.current_at
        out.print(f"[bold green]Proven[/], as of block {at.number} ({_time(at.timestamp)}): nothing came after it.")
    else:
        why = _WHY_NO_STATE[proven.why_no_state or "not_offered"]
        out.print("[bold green]Proven[/] that all of this happened.")
        out.print(f"[yellow]Not proven[/] that nothing came after it: {why}.")
    if not compared:
        newest = proven.blocks[-1]
        out.print(
            f"[yellow]Not checked[/], since no proof can say it: that the blocks are the chain's own. Compare block "
            f"{newest.number}, {newest.hash}, with a node or an explorer that you trust, or give --rpc-url."
        )


def _time(unix_time: int) -> str:
    try:
        return datetime.fromtimestamp(unix_time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"Unix time {unix_time}"
