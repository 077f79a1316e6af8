"""The user commands: compose, check, dispatch, print. The only home of Hydra."""
