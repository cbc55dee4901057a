"""What the host sets: everything from the environment (`EARNEST_*`), and the chains from `networks.toml`."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from earnest.payment.errors import Misconfigured, UnknownToken
from earnest.payment.money import Token
from earnest.payment.primitives import ZERO_ADDRESS, Address, parse_address


class UnknownNetwork(Misconfigured):
    """No chain of that name in networks.toml."""

    code = "unknown_network"


class InvalidSettings(Misconfigured):
    """A setting from the environment or a flag cannot be used."""

    code = "invalid_settings"


@dataclass(frozen=True, slots=True)
class FinalityRule:
    """From when on a block is final: the node's own tag, or so many blocks on top. Exactly one of the two is set."""

    tag: str | None = None
    depth_blocks: int | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """One chain as `networks.toml` describes it, with the endpoints that the host chose."""

    name: str
    chain_id: int
    rpc_urls: tuple[str, ...]
    finality: FinalityRule
    safe_depth_blocks: int
    poll_seconds: float
    coin: Token
    tokens: tuple[Token, ...]
    explorer_url: str | None = None
    is_local: bool = False

    def token(self, named: str) -> Token:
        """Return the token that `named` means: its symbol or its address (the zero address or the coin's symbol: coin).

        Raises:
            InvalidAddress: it looks like an address and is none.
            UnknownToken: the service does not vouch for it on this chain.
        """
        known = (self.coin, *self.tokens)
        wanted = parse_address(named, param="token") if named[:2].lower() == "0x" else None
        for each in known:
            if each.address == wanted or (wanted is None and each.symbol.lower() == named.lower()):
                return each
        raise UnknownToken(named, self.chain_id, [f"{each.symbol} ({each.address})" for each in known])

    def token_at(self, address: Address) -> Token | None:
        """Return the known token at an address, None for one that the service does not vouch for."""
        return next((each for each in (self.coin, *self.tokens) if each.address == address), None)


class Settings(BaseSettings):
    """The host's settings; each field is the variable `EARNEST_<NAME>`, and a flag goes before it."""

    model_config = SettingsConfigDict(env_prefix="EARNEST_", env_file=None, extra="ignore", frozen=True)

    data_dir: Path = Field(Path(".earnest"), description="Where the embedded stack keeps its files.")
    database_url: str | None = Field(None, description="sqlite:///file or postgresql+psycopg://…; default: a file.")
    network: str = Field("local", description="A chain of networks.toml.")
    rpc_url: str | None = Field(
        None, description="The chain's JSON-RPC endpoints, separated by commas or blanks; they may hold secrets."
    )
    ws_url: str | None = Field(
        None, description="Where nodes tell of new heads (ws, wss); default: at the endpoints themselves; off: nowhere."
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65_535, description="The port to listen on.")
    public_url: str | None = Field(None, description="How buyers and merchants reach this service.")
    deployments_dir: Path | None = Field(None, description="Where deployments are recorded, one file a chain.")
    secret_key: SecretStr | None = Field(None, description="Encrypts webhook secrets: 32 bytes, base64.")
    operator_key: SecretStr | None = Field(None, description="The operator's private key (a keystore is better).")
    operator_keystore: Path | None = Field(None, description="The operator's keystore file.")
    operator_keystore_password: SecretStr | None = Field(None, description="The keystore's password.")
    webhooks_allow_private: bool = Field(False, description="Deliver to http and private addresses: development only.")
    reconcile_seconds: int = Field(
        3_600, ge=0, description="How often every payment is compared with the contract; 0: never."
    )
    relay: bool = Field(
        True, description="Send for buyers, by their signatures, what anyone may send; the operator pays the gas."
    )
    max_fee_gwei: int = Field(500, gt=0, description="The sender never bids more than this for a unit of gas.")

    def database(self) -> str:
        """Return the database's URL: the one set, or an SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'earnest.db').absolute()}"

    def deployments(self, network: Network) -> Path:
        """Return the folder with the record of deployments: for local chains, which come and go, in the data folder."""
        if self.deployments_dir is not None:
            return self.deployments_dir
        return self.data_dir / "deployments" if network.is_local else Path("deploy/deployments")

    def chosen_network(self) -> Network:
        """Return the chain to work with, at the endpoints that were set for it, the preferred one first."""
        network = load_network(self.network)
        urls = _urls_in(self.rpc_url)
        return replace(network, rpc_urls=urls) if urls else network

    def heads_urls(self, network: Network) -> tuple[str, ...]:
        """Return where nodes tell of new heads: the URLs that were set, or the chain's endpoints, by WebSocket."""
        if self.ws_url is None:
            return tuple(f"ws{url[4:]}" for url in network.rpc_urls if url[:4].lower() == "http")
        return () if self.ws_url.strip().lower() == "off" else _urls_in(self.ws_url)

    def base_url(self) -> str:
        """Return how the service is reached from outside, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def _urls_in(text: str | None) -> tuple[str, ...]:
    """Return the URLs in a text, separated by commas or blanks, each once."""
    return tuple(dict.fromkeys(each for each in re.split(r"[,\s]+", text or "") if each))


def _one(flag: Any) -> Any:
    """Return a flag that may be given several times as one text, None where it was not given at all."""
    return (" ".join(flag) or None) if isinstance(flag, list) else flag


def load_settings(**flags: Any) -> Settings:
    """Read the settings; a flag that is not None goes before the environment. One given several times is a list.

    Raises:
        InvalidSettings: one cannot be used, or is misspelt; the message names it, never its value (it may be a secret).
    """
    _refuse_misspelt(os.environ)
    try:
        given: dict[str, Any] = {name: _one(value) for name, value in flags.items()}
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(f"EARNEST_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors())
        raise InvalidSettings(f"settings that cannot be used: {problems}") from None


def _refuse_misspelt(variables: Iterable[str]) -> None:
    """Raise `InvalidSettings` if a variable is nearly one of ours: what it was meant to set would keep its default."""
    ours = [f"EARNEST_{name.upper()}" for name in Settings.model_fields]
    for name in sorted(map(str.upper, variables)):
        if name.startswith("EARNEST_") and name not in ours:
            for meant in ours:
                if _is_nearly(name, meant):
                    raise InvalidSettings(f"there is no setting {name}: {meant} is most likely what was meant")


def _is_nearly(one: str, other: str) -> bool:
    """Return whether two words differ by one letter, or by two neighbours that changed places.

    What platforms and other programs call theirs, such as `EARNEST_SECRET_KEY_FILE`, is further away.
    """
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, others = one[at:], other[at:]
    swapped = rest[:2] == others[1::-1] and rest[2:] == others[2:]
    return swapped or rest[1:] == others[1:] or rest[1:] == others or rest == others[1:]


def load_network(name: str) -> Network:
    """Return one chain of `networks.toml`; raises `UnknownNetwork` naming those there are."""
    table = tomllib.loads(resources.files("earnest").joinpath("networks.toml").read_text("utf-8"))
    if name not in table:
        raise UnknownNetwork(f"network {name!r} is not known; there are: {', '.join(table)}")
    entry = table[name]
    return Network(
        name=name,
        chain_id=entry["chain_id"],
        rpc_urls=tuple(entry.get("rpc_urls", ())),
        finality=FinalityRule(**entry["finality"]),
        safe_depth_blocks=entry["safe_depth_blocks"],
        poll_seconds=float(entry["poll_seconds"]),
        coin=Token(ZERO_ADDRESS, entry["coin"]["symbol"], entry["coin"]["decimals"]),
        tokens=tuple(
            Token(parse_address(each["address"]), each["symbol"], each["decimals"]) for each in entry["tokens"]
        ),
        explorer_url=entry.get("explorer_url"),
        is_local=entry.get("is_local", False),
    )
