# SPDX-License-Identifier: Apache-2.0
"""A model that sees in transformers, eager: task=features | step. Pictures are read once, before anything is timed."""

import torch
import torch.nn.functional as F
import transformers

MEAN, DEVIATION = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


def run(worker, settings):
    model = transformers.LlavaForConditionalGeneration.from_pretrained(settings["model"], dtype=torch.float32)
    batch = int(settings["batch"])
    raw = torch.stack([torch.load(f"{settings['model']}/{index}.pt") for index in range(batch)])
    colours = lambda values: torch.tensor(values).view(1, 3, 1, 1)
    pixels = (raw.float() / 255 - colours(MEAN)) / colours(DEVIATION)
    {"features": features, "step": step}[settings["task"]](worker, model, pixels, settings)


def features(worker, model, pixels, _):
    model.eval()

    def work():
        return sum(once() for _ in range(8))

    def once():
        with torch.inference_mode():
            hidden = model.model.vision_tower(pixels).last_hidden_state[:, 1:]
            return model.model.multi_modal_projector(hidden).abs().mean().item()

    worker.serve(work)


def step(worker, model, pixels, settings):
    length, tokens = int(settings["length"]), model.config.image_seq_length
    model.config.use_cache = False
    torch.manual_seed(1)
    words = torch.randint(0, 49152, (len(pixels), length))
    shown = torch.full((len(pixels), tokens), model.config.image_token_id)
    ids = torch.cat([shown, words], 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.0, fused=True)
    model.train()

    def work():
        logits = model(input_ids=ids, pixel_values=pixels, logits_to_keep=9).logits[:, :-1]
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, -8:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    worker.serve(work)
