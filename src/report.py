"""Rebuild the report, the tables and the pictures of a sweep from its folder.

python -m src.report resnet
"""

from paretoprune.cli.report import main

if __name__ == "__main__":
    main()
