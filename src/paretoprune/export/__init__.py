"""A picked model as files: written, verified in a fresh process, timed, loaded again."""
