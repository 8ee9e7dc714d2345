"""Three replicas over one store and one upstream, under mixed load, while replicas are killed,
ended, frozen and started again, and the store as well.

    python -m tests.replicas [--minutes 1] [--seed 1] [--without-store]

No write may reach the upstream twice, no log lose a byte, nobody see what is another's, every
subscription ends at the true state, and memory stays as it is. It fails where one of these does not
hold.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.replicas.run import run

GROWTH = 0.05


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.replicas")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-store", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(
            run(
                Path(folder),
                60 * given.minutes,
                seed=given.seed,
                stores=not given.without_store,
            )
        )
    sys.stdout.write(f"{outcome}\n")
    return 1 if outcome.faults or outcome.growth >= GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
