"""`eth_getLogs`: by range or by block hash, straight from the chain database's receipts, bloom filters first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth.abc import BlockHeaderAPI, LogAPI
from eth_bloom.bloom import BloomFilter

from earnest.localnet import params as read
from earnest.localnet.blocks import number_of
from earnest.localnet.errors import SERVER_ERROR, RpcError
from earnest.localnet.ledger import Block
from earnest.localnet.node import Node
from earnest.localnet.wire import log_object

_MAX_TOPICS = 4


@dataclass(frozen=True)
class LogFilter:
    """Which logs: any of the addresses (none: all), and at each place any of the topics (none: all)."""

    addresses: frozenset[bytes]
    topics: tuple[frozenset[int], ...]

    def may_be_in(self, header: BlockHeaderAPI) -> bool:
        """Say whether the header's bloom filter allows a match; a false alarm is possible, an oversight is not."""
        if not header.bloom:
            return False
        bloom = BloomFilter(header.bloom)
        if self.addresses and not any(address in bloom for address in self.addresses):
            return False
        return all(any(topic.to_bytes(32, "big") in bloom for topic in wanted) for wanted in self.topics if wanted)

    def matches(self, log: LogAPI) -> bool:
        """Say whether a log is wanted."""
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(not wanted or topic in wanted for wanted, topic in zip(self.topics, log.topics, strict=False))


def get_logs(node: Node, query: dict[str, Any]) -> list[dict[str, Any]]:
    """Answer `eth_getLogs`. Raises `RpcError` for an unknown block hash or a query that makes no sense."""
    wanted = _filter(query)
    return [
        found
        for header in _headers(node, query)
        if wanted.may_be_in(header)
        for found in _matching(node.ledger.block(header), wanted)
    ]


def _matching(block: Block, wanted: LogFilter) -> Iterator[dict[str, Any]]:
    log_index = 0
    for tx_index, receipt in enumerate(block.receipts):
        for log in receipt.logs:
            if wanted.matches(log):
                yield log_object(block, tx_index, log, log_index)
            log_index += 1


def _headers(node: Node, query: dict[str, Any]) -> Iterator[BlockHeaderAPI]:
    if query.get("blockHash") is not None:
        if query.get("fromBlock") is not None or query.get("toBlock") is not None:
            read.refuse("cannot specify both blockHash and fromBlock/toBlock, choose one or the other")
        header = node.ledger.header_of(read.byte_string(query["blockHash"], "blockHash", 32))
        if header is None:
            raise RpcError(SERVER_ERROR, "unknown block")
        return iter((header,))
    first = number_of(node, query.get("fromBlock") or "latest")
    last = min(number_of(node, query.get("toBlock") or "latest"), node.head.block_number)
    return (header for number in range(first, last + 1) if (header := node.ledger.header_at(number)) is not None)


def _filter(query: dict[str, Any]) -> LogFilter:
    addresses = query.get("address")
    if addresses is None:
        addresses = []
    if not isinstance(addresses, list):
        addresses = [addresses]
    topics = read.listing(query.get("topics") or [], "topics")
    if len(topics) > _MAX_TOPICS:
        read.refuse(f"at most {_MAX_TOPICS} topics, not {len(topics)}")
    return LogFilter(frozenset(read.address(one, "address") for one in addresses), tuple(map(_topics, topics)))


def _topics(wanted: Any) -> frozenset[int]:
    if wanted is None:
        return frozenset()
    alternatives = wanted if isinstance(wanted, list) else [wanted]
    if any(one is None for one in alternatives):
        return frozenset()
    return frozenset(int.from_bytes(read.byte_string(one, "topic", 32), "big") for one in alternatives)
