"""`python -m posetransfer` does what the command `posetransfer` does."""

from posetransfer.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
