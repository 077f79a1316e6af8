"""Running cost of pruned models on this machine, beside the dense model.

python -m src.latency resnet
"""

from paretoprune.cli.latency import main

if __name__ == "__main__":
    main()
