"""The command `jobs-gateway`, also `python -m gateway`.

`health` is served from here: the other commands load a hundred times as much.
"""

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command of this process's arguments; gives its exit status."""
    if sys.argv[1:2] == ["health"]:
        from gateway import health_check  # noqa: PLC0415 - see above

        return health_check.main(sys.argv[2:])
    try:
        from gateway import cli  # noqa: PLC0415 - see above

        return cli.main()
    except KeyboardInterrupt:
        # As a shell tells that a program ended by SIGINT; here while it still loads.
        return 130


if __name__ == "__main__":
    sys.exit(main())
