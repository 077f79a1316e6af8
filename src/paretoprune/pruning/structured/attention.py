"""`nn.MultiheadAttention` with fewer heads than `embed_dim // head_dim`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from paretoprune.errors import PruningError


class FewerHeads(nn.MultiheadAttention):
    """Multi-head attention where `num_heads * head_dim` may be below `embed_dim`.

    PyTorch's own class assumes that the two are equal. Names of tensors are the same. Masks of
    three dimensions must have one slice per remaining head.
    """

    @classmethod
    def fit(cls, module: nn.MultiheadAttention) -> None:
        """Change the class of a module whose tensors lost whole heads to this one."""
        if module.add_zero_attn:
            raise PruningError("heads of attention with `add_zero_attn` cannot be removed")
        module.num_heads = module.out_proj.weight.shape[1] // module.head_dim
        # Keeps `nn.TransformerEncoderLayer` from its fused path, which bypasses `forward`.
        module._qkv_same_embed_dim = False
        module.__class__ = cls

    def forward(  # the signature is PyTorch's
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Compute the same as `nn.MultiheadAttention.forward`."""
        batched = query.dim() == 3
        inputs = [x if batched else x.unsqueeze(0) for x in (query, key, value)]
        if batched and not self.batch_first:
            inputs = [x.transpose(0, 1) for x in inputs]
        q, k, v = self._heads(inputs)
        scores = q @ k.transpose(-2, -1) * self.head_dim**-0.5
        scores = _masked(scores, attn_mask)
        if key_padding_mask is not None:
            scores = _masked(scores, key_padding_mask.reshape(len(scores), 1, 1, -1))
        weights = F.dropout(scores.softmax(-1), self.dropout, self.training)
        mixed = (weights @ v).transpose(1, 2).flatten(2)
        out = F.linear(mixed, self.out_proj.weight, self.out_proj.bias)
        seen = weights.mean(1) if average_attn_weights else weights
        if not batched:
            out, seen = out.squeeze(0), seen.squeeze(0)
        elif not self.batch_first:
            out = out.transpose(0, 1)
        return out, seen if need_weights else None

    def _heads(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return queries, keys and values as (samples, heads, tokens, head_dim)."""
        if self.in_proj_weight is not None:
            weights = self.in_proj_weight.chunk(3)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = [None] * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        rows = [F.linear(*three) for three in zip(inputs, weights, biases, strict=True)]
        if self.bias_k is not None and self.bias_v is not None:
            rows[1:] = [
                torch.cat([row, bias.expand(len(row), 1, -1)], 1)
                for row, bias in zip(rows[1:], (self.bias_k, self.bias_v), strict=True)
            ]
        return [
            row.reshape(*row.shape[:2], self.num_heads, self.head_dim).transpose(1, 2)
            for row in rows
        ]


def leave_fast_path(model: nn.Module) -> None:
    """Disable nested tensors in encoders with fewer heads.

    Only PyTorch's fused layers support them.
    """
    for module in model.modules():
        if isinstance(module, nn.TransformerEncoder):
            fewer = any(isinstance(one, FewerHeads) for one in module.modules())
            module.use_nested_tensor = module.use_nested_tensor and not fewer


def _masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Apply a mask: True, or minus infinity, excludes a score; appended keys are never excluded."""
    if mask is None:
        return scores
    if mask.dim() == 3:
        mask = mask.reshape(*scores.shape[:2], *mask.shape[1:])
    added = scores.shape[-1] - mask.shape[-1]
    if mask.dtype == torch.bool:
        return scores.masked_fill(F.pad(mask, (0, added)), float("-inf"))
    return scores + F.pad(mask, (0, added)).to(scores.dtype)
