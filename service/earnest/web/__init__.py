"""The pages: the buyer's checkout, and the base that every further page shares.

Rendered on the server, in the reader's language; one style sheet, a few ES modules, nothing loaded from elsewhere.
"""

from __future__ import annotations

from earnest.web.app import add_pages
from earnest.web.site import PageChain, Site

__all__ = ["PageChain", "Site", "add_pages"]
