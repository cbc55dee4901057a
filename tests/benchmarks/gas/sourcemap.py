"""Which source line each instruction of the compiled escrow comes from."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from earnest.escrow.compile import SETTINGS
from earnest.escrow.sources import read_sources
from tests.benchmarks.gas import compiled

UNIT = "src/Escrow.sol"
_NAMED = re.compile(r"\b(?:function|modifier|constructor)\s*(\w*)")


@dataclass(frozen=True)
class Place:
    """A line of a source, and the function that it is in."""

    file: str
    line: int
    function: str
    text: str


NOWHERE = Place("(compiler)", 0, "", "")


@dataclass(frozen=True)
class Build:
    """What was compiled, and for each place in the running code: the source."""

    code: bytes
    runtime_size: int
    places: dict[int, Place]


def build(contracts: Path) -> Build:
    """Compile the escrow of a contracts' folder with its source map."""
    sources = read_sources(contracts, UNIT)
    wanted = ["evm.bytecode.object", "evm.deployedBytecode"]
    answer = compiled.standard(
        {
            "language": "Solidity",
            "sources": {name: {"content": text} for name, text in sources.items()},
            "settings": {**SETTINGS, "outputSelection": {UNIT: {"Escrow": wanted}}},
        }
    )
    evm = answer["contracts"][UNIT]["Escrow"]["evm"]
    texts = {answer["sources"][name]["id"]: (name, text) for name, text in sources.items()}
    texts |= {each["id"]: (each["name"], each["contents"]) for each in evm["deployedBytecode"]["generatedSources"]}
    spans = list(_spans(evm["deployedBytecode"]["sourceMap"]))
    index = {number: _Text(*named) for number, named in texts.items()}
    places = {}
    runtime = bytes.fromhex(evm["deployedBytecode"]["object"])
    for pc, (start, file) in zip(_starts(runtime), spans, strict=False):
        places[pc] = index[file].at(start) if file in index else NOWHERE
    return Build(bytes.fromhex(evm["bytecode"]["object"]), len(runtime), places)


class _Text:
    """A source, asked by offset in bytes."""

    def __init__(self, name: str, text: str) -> None:
        self._name = Path(name).name
        raw = text.encode()
        self._lines = text.split("\n")
        self._breaks = [place for place, byte in enumerate(raw) if byte == ord("\n")]
        # The sources may hold a few characters of several bytes; function heads are found in bytes as well.
        self._named = [(found.start(), found[1]) for found in _NAMED.finditer(raw.decode("latin-1"))]

    def at(self, offset: int) -> Place:
        line = bisect.bisect_left(self._breaks, offset)
        before = bisect.bisect_right(self._named, (offset, "~")) - 1
        name = self._named[before][1] if before >= 0 else ""
        return Place(self._name, line + 1, name, self._lines[line].strip())


def _spans(source_map: str) -> Iterator[tuple[int, int]]:
    """Yield start and file of each instruction; what an entry leaves out is as in the one before."""
    fields = ["", "", "", "", ""]
    for entry in source_map.split(";"):
        for place, value in enumerate(entry.split(":")):
            if value:
                fields[place] = value
        yield int(fields[0]), int(fields[2])


def _starts(code: bytes) -> Iterator[int]:
    """Yield where the instructions begin; a PUSH carries up to 32 bytes."""
    pc = 0
    while pc < len(code):
        yield pc
        pc += 1 + (code[pc] - 0x5F if 0x60 <= code[pc] <= 0x7F else 0)
