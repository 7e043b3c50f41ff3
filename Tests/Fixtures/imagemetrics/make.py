# SPDX-License-Identifier: Apache-2.0
"""What scipy, torch-fidelity, numpy and the networks' PyTorch modules make of image metrics.

    python Tests/Fixtures/imagemetrics/make.py

Made with torch 2.13.0, scipy 1.17.1, numpy 2.4.6, torch-fidelity 0.4.0, efficientnet_lite_pytorch 0.1.0. Networks have
weights of a formula, the same in Swift, so that no weights need be stored. Writes `metrics.json` and
`networks.safetensors` beside this file.
"""
import json
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file

# torch-fidelity imports it for data sets and other networks, none of which are needed here.
for module in ["", ".transforms", ".datasets", ".models", ".transforms.functional"]:
    sys.modules["torchvision" + module] = MagicMock()
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_prc import calculate_precision_recall_full

HERE = Path(__file__).parent
random = np.random.default_rng(11)


def frechet(a, b):
    """The formula with scipy's matrix root."""
    (m, s), (n, t) = [(x.mean(0), np.cov(x, rowvar=False)) for x in (a, b)]
    return float((m - n) @ (m - n) + np.trace(s) + np.trace(t) - 2 * np.trace(scipy.linalg.sqrtm(s @ t)).real)


def frechet_low_rank(a, b):
    """The same without a root of a singular matrix: with centred rows A, B the trace is the nuclear norm of A Bᵀ."""
    (m, x), (n, y) = [(x.mean(0), (x - x.mean(0)) / np.sqrt(len(x) - 1)) for x in (a, b)]
    root = scipy.linalg.svdvals(x @ y.T).sum()
    return float((m - n) @ (m - n) + (x ** 2).sum() + (y ** 2).sum() - 2 * root)


def coverage(points, neighbours, others):
    """Share of others within some point's distance to its k-th neighbour, by differences."""
    def distances(a, b):
        return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    radii = np.sort(distances(points, points), 1)[:, neighbours]
    return float((distances(others, points) <= radii[None]).any(1).mean())


def metrics():
    cases = []
    for name, n, m, d, shift in [("regular", 60, 50, 6, 0.5), ("equal", 40, 40, 5, 0.0), ("singular", 6, 9, 12, 1.0),
                                 ("offset", 80, 70, 4, 0.2)]:
        mixing = random.normal(size=(d, d))
        real = random.normal(size=(n, d)) @ mixing + (1e3 if name == "offset" else 0)
        generated = real.copy() if name == "equal" else (
            random.normal(size=(m, d)) @ (mixing + 0.3 * random.normal(size=(d, d))) + real.mean(0) + shift)
        if name == "regular":
            generated[:4] = real[:4]  # pictures that were learnt by heart
            real[10:15] = real[10]  # more equal pictures than neighbours
        expected = frechet_low_rank(real, generated)
        if name in ("regular", "offset"):
            theirs = [fid_features_to_statistics(torch.from_numpy(x)) for x in (real, generated)]
            for other in (frechet(real, generated), fid_statistics_to_metric(*theirs, False)["frechet_inception_distance"]):
                assert abs(other - expected) < 1e-8 * expected, (name, other, expected)
        case = dict(name=name, real=real.tolist(), generated=generated.tolist(), frechet=expected,
                    precision=coverage(real, 3, generated), recall=coverage(generated, 3, real))
        if name == "offset":
            theirs = calculate_precision_recall_full(torch.from_numpy(generated), torch.from_numpy(real), 3)
            assert np.allclose(theirs, (case["precision"], case["recall"]))
        cases.append(case)
    logits = random.normal(size=(57, 7)) * 3
    scores = []
    for splits in (1, 10):
        theirs = isc_features_to_metric(torch.from_numpy(logits), splits=splits, shuffle=False)
        scores.append(dict(splits=splits, mean=theirs["inception_score_mean"], deviation=theirs["inception_score_std"]))
    (HERE / "metrics.json").write_text(json.dumps(dict(cases=cases, logits=logits.tolist(), scores=scores)) + "\n")


def noise(count, phase):
    """Numbers of [0, 1) that look random: the digits of a sine far behind the point. The same formula in Swift."""
    x = torch.sin(torch.arange(count, dtype=torch.float64) * 12.9898 + phase * 78.233) * 43758.5453
    return x - torch.floor(x)


def fill(state):
    """Weights of a network, by the order of its names."""
    filled = {}
    for index, name in enumerate(sorted(state)):
        value = state[name]
        values = (noise(value.numel(), index + 1) - 0.5).reshape(value.shape)
        if name.endswith("running_var"):
            values = 1 + values
        elif value.dim() > 1:  # keeps the spread of what comes in
            values = values * (24 / (value.numel() / value.shape[0])) ** 0.5
        elif "bn" in name and name.endswith("weight"):
            values = 1 + values * 0.2
        else:
            values = values * 0.2
        filled[name] = values.float()
    return filled


def images(count, height, width, channels):
    return (noise(count * height * width * channels, 0.5) * 256).floor().to(torch.uint8).reshape(count, height, width, channels)


def load(module):
    module.load_state_dict(fill({k: v for k, v in module.state_dict().items() if "num_batches" not in k}), strict=False)
    return module.eval()


class Classifier(torch.nn.Module):
    """The small classifier, from its description."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(1, 32, 5, padding=2), torch.nn.Conv2d(32, 64, 3, padding=1)
        self.third = torch.nn.Conv2d(64, 128, 3, padding=1)
        self.features, self.classes = torch.nn.Linear(6272, 128), torch.nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first((x.float() - 128) / 128)), 2)
        spatial = F.relu(self.third(F.max_pool2d(F.relu(self.second(x)), 2)))
        pooled = F.relu(self.features(spatial.flatten(1)))
        return pooled, spatial[:, :16].flatten(1), F.log_softmax(self.classes(pooled), -1)


@torch.no_grad()
def networks():
    out = {}
    small = load(Classifier())
    out["small.pooled"], out["small.spatial"], out["small.logs"] = small(images(3, 28, 28, 1).permute(0, 3, 1, 2))

    lite = load(EfficientNet.from_name("efficientnet-lite0"))
    x = F.interpolate(images(2, 40, 50, 3).permute(0, 3, 1, 2).float(), (224, 224), mode="bilinear", antialias=True)
    x = (x / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    out["lite.pooled"] = lite.extract_features(x).mean((2, 3))
    out["lite.logs"] = F.log_softmax(lite(x), -1)

    # Made without its own weights, which would be fetched.
    inception = FeatureExtractorInceptionV3.__new__(FeatureExtractorInceptionV3)
    original = torch.load
    torch.load = lambda *a, **k: {}
    check, torch.nn.Module.load_state_dict = torch.nn.Module.load_state_dict, lambda self, state, **k: None
    try:
        inception.__init__("inception", ["2048", "logits_unbiased"], feature_extractor_weights_path="none")
    finally:
        torch.load, torch.nn.Module.load_state_dict = original, check
    load(inception)
    branch = []
    inception.Mixed_6d.branch1x1.register_forward_hook(lambda module, given, result: branch.append(result))
    pooled, logits = inception(images(2, 40, 50, 3).permute(0, 3, 1, 2))
    out["inception.pooled"], out["inception.logs"] = pooled, F.log_softmax(logits, -1)
    out["inception.spatial"] = branch[0][:, :7].flatten(1)
    for name, value in out.items():
        print(name, tuple(value.shape), float(value.std()), float(value.std(0).mean()))
    save_file({k: v.contiguous() for k, v in out.items()}, HERE / "networks.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    metrics()
    networks()
