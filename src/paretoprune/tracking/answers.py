"""A client wrapper that counts MLflow's responses, to distinguish slow from unresponsive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Answers:
    """Number of requests that MLflow has answered. Written by one thread, read by others."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, client: MlflowClient) -> MlflowClient:
        """Wrap the client so that each returned call is counted."""
        return cast("MlflowClient", _Counted(client, self))


class _Counted:
    def __init__(self, client: MlflowClient, answers: Answers) -> None:
        self._client, self._answers = client, answers

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            self._answers.count += 1
            return answer

        return call if callable(method) else method
