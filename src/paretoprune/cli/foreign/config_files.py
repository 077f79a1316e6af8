"""Files of configs that the user adds by `--config-dir`, checked before Hydra reads them.

They may be a stranger's. Hydra copies what it reads, with aliases written out, so that a kilobyte
can fill the memory.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from hydra._internal.core_plugins import file_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult

from paretoprune.config.compose import CONF
from paretoprune.errors import SettingsError
from paretoprune.storage.foreign.bounded import read_yaml


class FileConfigSource(file_config_source.FileConfigSource):  # Hydra compares the names of sources
    """Hydra's source of files, which reads files of other folders than ours once they are
    checked."""

    def load_config(self, config_path: str) -> ConfigResult:
        """Raises SettingsError for a file that is no config, or takes much memory or time."""
        file = Path(self.path, self._normalize_file_name(config_path)).resolve()
        if file.exists() and not file.is_relative_to(CONF):
            _check(file)
        return super().load_config(config_path)


def check_added_files() -> None:
    """Have Hydra read no file of an added folder that was not checked."""
    Plugins.instance()  # registers the sources of Hydra
    SourcesRegistry.instance().types["file"] = FileConfigSource


def composing_problem(error: Exception) -> str:
    """Return a sentence about an error that Hydra raises while it composes added configs."""
    if isinstance(error, RecursionError):
        problem = "one of them leads to itself, by its `defaults`"
    else:
        causes = (
            one for one in (error, error.__cause__, error.__context__) if str(one or "").strip()
        )
        paragraph = str(next(causes, type(error).__name__)).strip().split("\n\n")[0]
        problem = " ".join(paragraph.split()).partition(" full_key:")[0][:500]
    return f"the configs of the folders that are added cannot be composed: {problem}"


def _check(file: Path) -> None:
    try:
        config = read_yaml(file)
    except RecursionError:
        problem = "it is nested too deeply"
    except (yaml.YAMLError, ValueError, OSError) as error:
        problem = " ".join(str(error).split())[:300]
    else:
        if config is None or isinstance(config, dict):
            return
        problem = "it holds no settings, `key: value`"
    raise SettingsError([f"the config {file} cannot be used: {problem}; mend it"])
