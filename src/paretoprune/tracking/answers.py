"""A client that counts what MLflow has answered, so that slow and silent can be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Answers:
    """The number of requests that MLflow has answered. One thread counts, others read."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, client: MlflowClient) -> MlflowClient:
        """The client, each of whose calls counts once it has returned."""
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
