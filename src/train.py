"""Search a front of pruned models, or run one prune-then-fine-tune.

python -m src.train +sweep=resnet
"""

from paretoprune.cli.train import main

if __name__ == "__main__":
    main()
