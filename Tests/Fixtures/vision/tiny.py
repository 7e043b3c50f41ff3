# SPDX-License-Identifier: Apache-2.0
"""What the scripts that make tiny models that see have in common (gemma3, llavaonevision)."""
import shutil

import numpy as np
import torch
from safetensors.torch import save_file


def summary(g):
    """[4]: Σ gᵢ cos(k (i + 1)) for k = 1, 2, 3, and √Σ gᵢ²."""
    flat, place = g.double().flatten(), torch.arange(1, g.numel() + 1).double()
    return torch.stack([(flat * (k * place).cos()).sum() for k in (1, 2, 3)] + [flat.norm()]).float()


def published(key):
    """A parameter of transformers 5 under the name that published checkpoints have for it."""
    key = key.replace("model.vision_tower.", "vision_tower.vision_model.").replace("vision_model.vision_model", "vision_model")
    key = key.replace("model.multi_modal", "multi_modal").replace("model.image_newline", "image_newline")
    key = "language_model." + key if key.startswith("lm_head") else key
    return key.replace("model.language_model", "language_model.model")


def save(model, folder, generator):
    """A folder of random weights in bfloat16, as `save_pretrained` writes it."""
    shutil.rmtree(folder, ignore_errors=True)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(parameter + 0.3 * noise if parameter.dim() == 1 else 0.3 * noise)
    model.bfloat16().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def expect(model, folder, expected, loss):
    """Gradients of the loss, and everything expected, as `expected.safetensors`."""
    loss.backward()
    expected = expected | {"loss": loss}
    expected |= {"grad." + published(key): summary(p.grad) for key, p in model.named_parameters() if p.grad is not None}
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    print(folder.name, f"loss {loss.item():.5f}", expected["greedy"].tolist(),
          "without gradient:", [key for key, p in model.named_parameters() if p.grad is None])


def picture(height, width):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * 7 + y * 13 + c * 50 + (x * y) % 31 + (x // 5 % 2) * 90) % 256).astype(np.uint8)


def list_files(folder):
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in str(file):
            file.chmod(0o644)
            print(file.relative_to(folder), file.stat().st_size)
