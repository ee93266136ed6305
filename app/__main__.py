"""The command line: `python -m app --help`."""

from app.platform.cli import main

if __name__ == "__main__":
    main()
