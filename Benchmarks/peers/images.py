# SPDX-License-Identifier: Apache-2.0
"""Image tokens in PyTorch: task=encode | step | sample; eager, or with compile=1 a step by torch.compile."""

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from .image_models import GPT, VQ


def run(worker, settings):
    {"encode": encode, "step": step, "sample": sample}[settings["task"]](worker, settings)


def encode(worker, settings):
    model = VQ().eval()
    model.load_state_dict(load_file(settings["model"] + "/model.safetensors"))
    torch.manual_seed(3)
    pixels = torch.randint(0, 256, (int(settings["batch"]), 3, 256, 256))

    def work():
        with torch.inference_mode():
            codes = model.codes(model.latents(pixels.float() / 127.5 - 1))
        # Two latents may lie as near as makes no difference, so the codes themselves are not compared.
        return codes.numel()

    worker.serve(work)


def step(worker, settings):
    model = GPT(settings["model"]).train()
    batch = int(settings["batch"])
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-6, betas=(0.9, 0.95), fused=True)
    torch.manual_seed(1)
    codes = torch.randint(0, model.codes, (batch, model.length))
    classes = torch.arange(batch)
    if "compile" in settings:
        model = torch.compile(model, dynamic=False)

    def work():
        loss = F.cross_entropy(model(classes, codes).flatten(0, 1), codes.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    worker.serve(work)


def sample(worker, settings):
    model, classes = GPT(settings["model"]).eval(), torch.arange(int(settings["batch"]))

    def work():
        with torch.inference_mode():
            return model.sample(classes, 2.0)[:, 0].sum().item()

    worker.serve(work)
