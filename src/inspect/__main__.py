"""Show what can be pruned in a network, and what that could save.

python -m src.inspect model=resnet20
"""

# A folder without __init__.py, because a module `inspect` in src/ could stand in front of the
# standard library's; a folder like this one never does.

from paretoprune.cli.inspect import main

if __name__ == "__main__":
    main()
