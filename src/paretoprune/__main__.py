"""`python -m paretoprune COMMAND ...`."""

from paretoprune.cli.main import main

if __name__ == "__main__":
    main()
