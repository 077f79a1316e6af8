"""Small networks, one for each kind of channel dependency. Input: (N, 3, 8, 8)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from paretoprune.pruning.groups import Group, Slot, row_of_positions


def example(batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def lively(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model with seeded weights and BatchNorm statistics away from their initial values."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("running_var") or (name.endswith("weight") and tensor.dim() == 1):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif tensor.is_floating_point():
                fan_in = max(tensor.numel() // max(tensor.shape[0], 1), 1)
                scale = (2 / fan_in) ** 0.5 if tensor.dim() > 1 else 0.2
                tensor.normal_(0, scale, generator=generator)
    return model.eval()


class ZeroPad(nn.Module):
    """Option A of He et al. 2016: stride by slicing, new channels by zeros around the old ones."""

    def __init__(self, extra: int, stride: int) -> None:
        super().__init__()
        self.extra, self.stride = extra, stride

    def forward(self, x: Tensor) -> Tensor:
        half = self.extra // 2
        return pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, self.extra - half))


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, option_a: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs and option_a:
            self.downsample = ZeroPad(outputs - inputs, stride)
        elif inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(y)) + self.downsample(x)).relu()


class ResNet(nn.Module):
    """Two stages of `blocks` blocks, 8 and 16 channels wide."""

    def __init__(self, blocks: int = 2, option_a: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(*(Block(8, 8, 1, option_a) for _ in range(blocks)))
        self.layer2 = nn.Sequential(
            Block(8, 16, 2, option_a), *(Block(16, 16, 1, option_a) for _ in range(blocks - 1))
        )
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(self.bn1(self.conv1(x)).relu()))
        return self.fc(x.mean((2, 3)))


class Vgg(nn.Module):
    """Convolutions, then a flatten that gives each channel four inputs of a linear layer."""

    def __init__(self, batch_norm: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((3, 8), (8, 12)):
            layers.append(nn.Conv2d(inputs, outputs, 3, padding=1))
            layers += [nn.BatchNorm2d(outputs)] if batch_norm else []
            layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(12 * 4, 20), nn.ReLU(), nn.Dropout(), nn.Linear(20, 5)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, hidden: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.shortcut = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.shortcut else self.conv(x)


class MobileNet(nn.Module):
    """Inverted residuals with depthwise convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8))
        self.blocks = nn.Sequential(InvertedResidual(8, 16, 8, 1), InvertedResidual(8, 16, 12, 2))
        self.fc = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.blocks(self.stem(x).relu()).mean((2, 3)))


class DenseLayer(nn.Module):
    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(self.norm(x).relu())], 1)


class DenseNet(nn.Module):
    """Concatenations: several groups share one dimension of a later tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.layers = nn.Sequential(DenseLayer(8, 4), DenseLayer(12, 6))
        self.norm = nn.BatchNorm2d(18)
        self.head = nn.Conv2d(18, 10, 1)
        self.fc = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.head(self.norm(self.layers(self.stem(x))).relu()).mean((2, 3)))


class Bottleneck(nn.Module):
    """A block of ResNeXt: the convolution in the middle has six groups of two channels."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, padding=1, groups=6, bias=False)
        self.bn2, self.conv3 = nn.BatchNorm2d(hidden), nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()
        return x + self.conv3(y)


class ResNeXt(nn.Module):
    """Grouped convolutions: within blocks, and on a residual stream with wider outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.Sequential(Bottleneck(8, 12), Bottleneck(8, 12))
        self.wider = nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=4)
        self.norm = nn.BatchNorm2d(16)
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x).relu()).relu()
        return self.fc(self.norm(self.wider(x)).relu().mean((2, 3)))


PRUNABLE = {
    "resnet": ResNet,
    "resnet_option_a": lambda: ResNet(option_a=True),
    "vgg": Vgg,
    "vgg_without_batchnorm": lambda: Vgg(batch_norm=False),
    "mobilenet": MobileNet,
    "densenet": DenseNet,
    "resnext": ResNeXt,
}


def build(name: str, seed: int = 0) -> nn.Module:
    return lively(PRUNABLE[name](), seed)


class Leak(nn.Module):
    """Every output also takes a share of the channels' mean: with fewer channels, it is another."""

    def __init__(self, share: float, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.share, self.dtype = share, dtype
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x if self.dtype is None else x.to(self.dtype)).relu().mean((2, 3))
        return self.fc(y) + self.share * y.mean(1, keepdim=True)


def leaky_group() -> Group:
    """The channels of `Leak` as a group, which is wrong as long as it leaks."""
    places = row_of_positions(8)
    names = (("conv.weight", 0), ("conv.bias", 0), ("fc.weight", 1))
    return Group("conv", 8, tuple(Slot(name, dim, places) for name, dim in names))
