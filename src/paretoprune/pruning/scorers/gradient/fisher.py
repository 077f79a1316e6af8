"""Fisher pruning: second-order Taylor criterion with the empirical Fisher information."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.scorers.parts.channels import Batches, named_weights
from paretoprune.pruning.scorers.parts.gradients import (
    mean_over,
    summed_gradients,
)
from paretoprune.pruning.scorers.parts.sums import SummedOverWeights
from paretoprune.tasks.bound import TaskBatch


@dataclass(frozen=True)
class Fisher(SummedOverWeights):
    """Half the sum of weight^2 x mean squared gradient over all weights of a channel.

    The saliency h w^2 / 2 of LeCun et al. 1990 (Optimal Brain Damage, section 2), with the diagonal
    of the Hessian approximated by the empirical Fisher information, as Theis et al. 2018 do for
    single weights (Faster Gaze Prediction with Dense Networks and Fisher Pruning, section 2). For
    whole channels they square the sum over a channel, of activation x gradient, for each sample;
    here the saliencies of its weights are added up, which ignores interactions between them. Each
    of the first `samples` samples gives one gradient, since the square of a batch gradient is not
    the mean of the squares.
    """

    samples: Positive = 256

    def values(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return weight^2 x mean squared gradient / 2."""
        weights = named_weights(model, tensors)

        def squares(sample: TaskBatch) -> Iterator[tuple[str, Tensor]]:
            for name, gradient in summed_gradients(model, weights, sample).items():
                yield name, gradient.square()

        each = (sample for batch in batches for sample in batch.samples())
        samples = islice(each, self.samples)
        means = mean_over(model, weights, samples, squares)
        return {name: w.detach().square() * means[name] / 2 for name, w in weights.items()}
