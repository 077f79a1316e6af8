"""`python -m paretoprune.cli.schema`: print the JSON schema of a sweep's YAML file."""

from __future__ import annotations

import json

from paretoprune.config.own.schema import settings_schema


def main() -> None:
    """Print the schema."""
    print(json.dumps(settings_schema(), indent=1))


if __name__ == "__main__":
    main()
