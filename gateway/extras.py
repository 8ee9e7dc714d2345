"""How to install what comes with an extra: the package is in no index, so from where it came."""

__all__ = ["how_to_install"]


def how_to_install(extra: str) -> str:
    """What somebody who runs the gateway does to have an extra of it (`pyproject.toml`)."""
    return f"in the checkout pip install '.[{extra}]', of a wheel pip install './FILE.whl[{extra}]'"
