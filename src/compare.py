"""Lay the fronts of several sweeps over one another, as a page and as a table.

python -m src.compare resnet tpe
"""

from paretoprune.cli.compare import main

if __name__ == "__main__":
    main()
