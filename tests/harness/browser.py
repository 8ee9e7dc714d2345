"""Chromium with an empty profile, which asks nobody but whom a page names."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import BrowserContext

__all__ = ["browsing"]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def browsing(
    chromium: str, profile: Path, *flags: str, **options: Any
) -> AsyncIterator[BrowserContext]:
    """A browser, as Playwright drives it. Whoever asks for it closes it."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - slow to import

    async with async_playwright() as playwright:
        yield await playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium, args=[*FLAGS, *flags], **options
        )
