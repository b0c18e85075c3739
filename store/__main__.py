"""The command line's door: `python -m store`, and `overscope-store` once installed."""

import sys

from store.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
