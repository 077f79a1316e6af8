"""Small networks for text, series, recommenders, segmentation and detection, random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from paretoprune.models import small_ssd
from paretoprune.models.samples.autoencoder import autoencoder
from paretoprune.models.samples.forecasters import forecaster, lstm_forecaster
from paretoprune.models.samples.ncf import ncf
from paretoprune.models.text.gpt import gpt
from paretoprune.models.text.lstm import lstm_classifier
from paretoprune.models.text.transformer import transformer_classifier
from paretoprune.models.unet import unet
from paretoprune.tasks.inputs import Inputs

VOCABULARY, LENGTH = 40, 10
_TEXT: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 48, "max_position_embeddings": 32, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2,
}  # fmt: skip
_GROUPED = {**_TEXT, "num_key_value_heads": 2}
_IMAGE = {"image_size": 32, "patch_size": 8, "num_channels": 3, "num_labels": 5}
_VISION = {**_IMAGE, **{key: _TEXT[key] for key in list(_TEXT)[1:5]}}
# by the class of transformers: the config's options
TRANSFORMERS: Mapping[str, Mapping[str, Any]] = {
    "BertForSequenceClassification": _TEXT,
    "RobertaForSequenceClassification": _TEXT,
    "XLMRobertaModel": _TEXT,
    "ElectraForSequenceClassification": {**_TEXT, "embedding_size": 32},
    "AlbertForSequenceClassification": {**_TEXT, "embedding_size": 16},
    "DistilBertForSequenceClassification": {
        "vocab_size": VOCABULARY, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48,
        "max_position_embeddings": 32,
    },
    "MPNetModel": _TEXT,
    "DebertaV2ForSequenceClassification": _TEXT,
    "ModernBertForSequenceClassification": {**_TEXT, "cls_token_id": 1, "sep_token_id": 2},
    "GPT2LMHeadModel": {
        "vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 32,
    },
    "GPTNeoForCausalLM": {
        "vocab_size": VOCABULARY, "hidden_size": 32, "num_layers": 2, "num_heads": 4,
        "attention_types": [[["global"], 2]], "max_position_embeddings": 32,
    },
    "GPTNeoXForCausalLM": _TEXT,
    "GPTJForCausalLM": {
        "vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 32,
        "rotary_dim": 4,
    },
    "GPTBigCodeForCausalLM": {
        "vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 32,
    },
    "OPTForCausalLM": {**_TEXT, "ffn_dim": 48, "word_embed_proj_dim": 32},
    "BloomForCausalLM": {"vocab_size": VOCABULARY, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "FalconForCausalLM": {**_TEXT, "multi_query": True, "alibi": False},
    "LlamaForCausalLM": _GROUPED,
    "MistralForCausalLM": _GROUPED,
    "Qwen2ForCausalLM": _GROUPED,
    "Qwen3ForCausalLM": {**_GROUPED, "head_dim": 8},
    "GemmaForCausalLM": {**_GROUPED, "num_key_value_heads": 1, "head_dim": 8},
    "Gemma2ForCausalLM": {**_GROUPED, "head_dim": 8},
    "PhiForCausalLM": _TEXT,
    "Phi3ForCausalLM": _GROUPED,
    "StableLmForCausalLM": _GROUPED,
    "OlmoForCausalLM": _GROUPED,
    "Starcoder2ForCausalLM": _GROUPED,
    "T5ForConditionalGeneration": {
        "vocab_size": VOCABULARY, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2,
        "num_heads": 4,
    },
    "BartForSequenceClassification": {
        "vocab_size": VOCABULARY, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1,
        "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 48,
        "decoder_ffn_dim": 48, "max_position_embeddings": 32, "pad_token_id": 0,
        "eos_token_id": 2,
    },
    "ViTForImageClassification": _VISION,
    "DeiTForImageClassification": _VISION,
    "Dinov2ForImageClassification": _VISION,
    "SwinForImageClassification": {
        **_IMAGE, "patch_size": 4, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 4],
        "window_size": 4,
    },
    "ConvNextForImageClassification": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
    "ResNetForImageClassification": {
        "embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic",
    },
    "SegformerForSemanticSegmentation": {
        "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_labels": 5,
        "num_attention_heads": [1, 2, 4, 4], "decoder_hidden_size": 16,
    },
    "Wav2Vec2ForSequenceClassification": {
        **_TEXT, "conv_dim": [16, 16], "conv_stride": [5, 2], "conv_kernel": [10, 3],
        "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 8,
        "num_conv_pos_embedding_groups": 4,
    },
}  # fmt: skip
SEGMENTATION = ("fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large")
DETECTION = (
    "ssdlite320_mobilenet_v3_large",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "retinanet_resnet50_fpn",
    "fcos_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
)


def _ids(*shape: int, below: int = VOCABULARY) -> Tensor:
    return torch.randint(3, below, shape)


class Recurrent(nn.Module):
    """Layers of a recurrent kind over embeddings, and a linear layer on the last state."""

    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 16)
        self.layers = getattr(nn, kind)(16, 12, batch_first=True, **options)
        self.head = nn.Linear(12 * (1 + self.layers.bidirectional), 5)

    def forward(self, ids: Tensor) -> Tensor:
        found: Tensor = self.head(self.layers(self.embedding(ids))[0].mean(1))
        return found


class Factors(nn.Module):
    """Matrix factorisation with biases (Koren et al. 2009)."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(30, 16), nn.Embedding(40, 16)
        self.user_bias, self.item_bias = nn.Embedding(30, 1), nn.Embedding(40, 1)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        product = (self.users(users) * self.items(items)).sum(1)
        found: Tensor = product + (self.user_bias(users) + self.item_bias(items)).squeeze(1)
        return found


class TwoTowers(nn.Module):
    """Networks of users and of items, and the product of their vectors (Yi et al. 2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = (
            nn.Sequential(nn.Embedding(count, 16), nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 12))
            for count in (30, 40)
        )

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        found: Tensor = (self.users(users) * self.items(items)).sum(1)
        return found


class WideAndDeep(nn.Module):
    """A linear model of features beside an MLP of their embeddings (Cheng et al. 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Embedding(50, 1)
        self.embedding = nn.Embedding(50, 8)
        self.deep = nn.Sequential(nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, fields: Tensor) -> Tensor:
        deep = self.deep(self.embedding(fields).flatten(1))
        found: Tensor = (self.wide(fields).sum(1) + deep).squeeze(1)
        return found


class SelfAttentiveRecommender(nn.Module):
    """Causal attention over the items of a user (Kang and McAuley 2018, SASRec)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = gpt(VOCABULARY, max_length=LENGTH, width=16, layers=2, heads=2)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = self.body(items)[:, -1]
        return found


class SessionRecommender(nn.Module):
    """A GRU over the items of a session (Hidasi et al. 2016, GRU4Rec)."""

    def __init__(self) -> None:
        super().__init__()
        self.items = nn.Embedding(VOCABULARY, 16)
        self.gru = nn.GRU(16, 24, batch_first=True)
        self.head = nn.Linear(24, VOCABULARY)

    def forward(self, items: Tensor) -> Tensor:
        states, _ = self.gru(self.items(items))
        found: Tensor = self.head(states[:, -1])
        return found


Built = tuple[nn.Module, Inputs]
_USERS_AND_ITEMS = (torch.tensor([1, 2, 3]), torch.tensor([5, 6, 7]))
OTHERS: Mapping[str, Callable[[], Built]] = {
    "lstm": lambda: (Recurrent("LSTM"), Inputs((_ids(3, LENGTH),))),
    "lstm_two_layers": lambda: (Recurrent("LSTM", num_layers=2), Inputs((_ids(3, LENGTH),))),
    "lstm_bidirectional": lambda: (
        Recurrent("LSTM", bidirectional=True),
        Inputs((_ids(3, LENGTH),)),
    ),
    "gru": lambda: (Recurrent("GRU"), Inputs((_ids(3, LENGTH),))),
    "rnn": lambda: (Recurrent("RNN"), Inputs((_ids(3, LENGTH),))),
    "lstm_classifier": lambda: (lstm_classifier(vocab_size=VOCABULARY), _text()),
    "transformer_classifier": lambda: (transformer_classifier(vocab_size=VOCABULARY), _text()),
    "gpt": lambda: (gpt(VOCABULARY), _text()),
    "forecaster": lambda: (
        _run(forecaster(num_columns=3), torch.randn(3, 96, 3)),
        Inputs((torch.randn(3, 96, 3),)),
    ),
    "lstm_forecaster": lambda: (
        lstm_forecaster(num_columns=3, num_series=3),
        Inputs((torch.randn(3, 96, 3),)),
    ),
    "autoencoder": lambda: (autoencoder(), Inputs((torch.randn(3, 1, 8, 8),))),
    "unet": lambda: (unet(), Inputs((torch.randn(2, 3, 32, 32),))),
    "ncf": lambda: (ncf(), Inputs(_USERS_AND_ITEMS)),
    "matrix_factorisation": lambda: (Factors(), Inputs(_USERS_AND_ITEMS)),
    "two_towers": lambda: (TwoTowers(), Inputs(_USERS_AND_ITEMS)),
    "wide_and_deep": lambda: (WideAndDeep(), Inputs((_ids(3, 4),))),
    "sasrec": lambda: (SelfAttentiveRecommender(), Inputs((_ids(3, LENGTH),))),
    "gru4rec": lambda: (SessionRecommender(), Inputs((_ids(3, LENGTH),))),
    "small_ssd": lambda: (small_ssd(), Inputs(([torch.rand(3, 48, 48) for _ in range(2)],))),
}


def names() -> list[str]:
    """Return the names, each as KIND/NAME, such as `transformers/CLASS` and `other/NAME`."""
    return [
        *(f"transformers/{name}" for name in TRANSFORMERS),
        *(f"segmentation/{name}" for name in SEGMENTATION),
        *(f"detection/{name}" for name in DETECTION),
        *(f"other/{name}" for name in OTHERS),
    ]


def build(name: str) -> Built:
    """Build the network in evaluation mode, and inputs for it."""
    kind, _, short = name.partition("/")
    if kind == "transformers":
        model, inputs = _of_transformers(short)
    elif kind == "segmentation":
        model = torchvision.models.get_model(short, weights=None, weights_backbone=None)
        inputs = Inputs((torch.randn(2, 3, 64, 64),))
    elif kind == "detection":
        model = torchvision.models.get_model(short, weights=None, weights_backbone=None)
        inputs = Inputs(([torch.rand(3, 64, 64) for _ in range(2)],))
    else:
        model, inputs = OTHERS[short]()
    return model.eval(), inputs


def _text() -> Inputs:
    mask = torch.ones(3, LENGTH, dtype=torch.int64)
    mask[1, 7:] = 0
    return Inputs((), {"input_ids": _ids(3, LENGTH), "attention_mask": mask})


def _run(model: nn.Module, example: Tensor) -> nn.Module:
    model(example)  # gives lazy layers their sizes
    return model


def _of_transformers(name: str) -> Built:
    import transformers

    found = getattr(transformers, name)
    config = found.config_class(**TRANSFORMERS[name])
    config.use_cache = False
    model: nn.Module = found(config)
    if "Image" in name or "Semantic" in name:
        return model, Inputs((), {"pixel_values": torch.randn(2, 3, *[_size(name)] * 2)})
    if name.startswith("Wav2Vec2"):
        return model, Inputs((), {"input_values": torch.randn(2, 400)})
    inputs = _text()
    if name.startswith("T5"):
        inputs = Inputs((), {**inputs.kwargs, "decoder_input_ids": _ids(3, 6)})
    if name.startswith("Bart"):
        ids = inputs.kwargs["input_ids"].clone()
        ids[:, -1] = 2  # the end, whose state is classified
        inputs = Inputs((), {"input_ids": ids})
    return model, inputs


def _size(name: str) -> int:
    return 32 if name.startswith(("ViT", "DeiT", "Dinov2", "Swin")) else 64
