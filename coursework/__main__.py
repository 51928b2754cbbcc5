"""`python -m coursework`."""

import sys

if __name__ == "__main__":
    try:
        from coursework.cli.main import main

        sys.exit(main())
    except KeyboardInterrupt:
        # Before the command line was read, or after all was done.
        print("coursework: error: interrupted", file=sys.stderr)
        sys.exit(2)
