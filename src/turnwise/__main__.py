"""`python -m turnwise`, and the command `turnwise`."""

import sys

from turnwise.base.errors import Error


def main() -> None:
    """Run the command line; a mistake of the operator is one sentence and exit code 2."""
    from turnwise.cli import app  # noqa: PLC0415 - so that `--help` is all it costs to ask for help

    try:
        app()
    except Error as error:
        print(f"turnwise: {error}", file=sys.stderr)  # noqa: T201 - this is the command line
        sys.exit(2)


if __name__ == "__main__":
    main()
