"""A browser at the merchant's desk, without a browser: it keeps its cookie, and sends forms as pages have them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.unit.api.house import House

HTML = {"accept": "text/html,application/xhtml+xml"}
TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


@dataclass
class Browser:
    """One browser; `token` is what the last page's forms carried."""

    house: House
    token: str = ""

    def get(self, path: str, **how: Any) -> Any:
        answer = self.house.client.get(path, headers=HTML | how.pop("headers", {}), follow_redirects=False, **how)
        if found := TOKEN.search(answer.text):
            self.token = found[1]
        return answer

    def post(self, path: str, data: dict[str, Any] | None = None, **how: Any) -> Any:
        """Send a form with the last page's token, or as `how` has it."""
        form = {"token": self.token, **(data or {})}
        headers = HTML | how.pop("headers", {})
        return self.house.client.post(path, data=form, headers=headers, follow_redirects=False, **how)

    def sign_in(self, key: str | None = None) -> Browser:
        answer = self.post("/desk/sign_in", {"key": key or self.house.key})
        assert answer.status_code == 303, answer.text
        self.get("/desk")
        return self


def at_desk(house: House, key: str | None = None) -> Browser:
    """Return somebody signed in."""
    house.client.base_url = "https://pay.example"
    return Browser(house).sign_in(key)


def stranger(house: House) -> Browser:
    """Return somebody who is not."""
    house.client.base_url = "https://pay.example"
    house.client.cookies.clear()
    return Browser(house)
