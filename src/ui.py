"""Open the MLflow UI on localhost.

python -m src.ui
"""

from paretoprune.cli.ui import main

if __name__ == "__main__":
    main()
