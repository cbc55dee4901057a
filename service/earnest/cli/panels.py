"""The headings under which `earnest --help` lists the commands, for whoever looks for one by what it is for."""

from __future__ import annotations

from typing import Final

BUILD: Final = "Try it, and build a shop against it"
PAY: Final = "Payments and accounts"
RUN: Final = "Run the service"
CARE: Final = "Check and look after it"
CONTRACT: Final = "The contract"

BY_THE_API: Final = "By the API, with the merchant's key"
BY_WALLET: Final = "By a wallet of one's own"
