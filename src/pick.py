"""Show the front of a sweep, pick a model of it and export it.

python -m src.pick resnet
"""

from paretoprune.cli.pick import main

if __name__ == "__main__":
    main()
