"""What every page tells the browser: load and run only what is ours, and tell nobody where the reader came from."""

from __future__ import annotations

from typing import Final

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # Wallets announce their own icons as `data:` addresses (EIP-6963); an image cannot run anything.
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

PAGE_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # A payment's id is the key to its page.
    "Referrer-Policy": "no-referrer",
    # Some wallets sign in a window of their own, which has to be able to answer.
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-cache, private",
    "X-Robots-Tag": "noindex",
}
"""On every page, the pages of errors too."""
