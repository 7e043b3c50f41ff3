# SPDX-License-Identifier: Apache-2.0
"""Tiny random PaliGemmas, and what transformers computes with them and makes of images and prompts.

    python Tests/Fixtures/paligemma/make.py

Made with torch 2.13.0, transformers 5.24.0, tokenizers 0.23.1, Pillow 13.0.0, safetensors 0.8.0. `paligemma` (Gemma) and
`paligemma2` (Gemma 2, with a window shorter than the prompt) are Hugging Face folders as `save_pretrained` writes them, in
bfloat16; everything is computed with their weights in float32. `expected.safetensors` of each holds

    pixels [N, 3, S, S], ids [B, T] with runs of the image token, prompts [B]: tokens of each row's prompt
    images [N, 3]: row, first token and count of tokens of each image
    features [N · P, H], logits [B, T, V]
    loss       mean cross entropy of the tokens after the prompts
    grad.NAME  [4]: Σ gᵢ cos(k (i + 1)) for k = 1, 2, 3, and √Σ gᵢ², of each parameter's gradient g of that loss, under the
               names of the published checkpoints
    greedy     [B, n]: what `generate` appends to the first two prompts' tokens, by the largest logit, with its cache

`processor` holds a tokenizer, `preprocessor_config.json`, images (by a rule that the tests know) as SigLIP's processor
prepares them, and prompts with their answers as PaliGemma's processor writes them in ids.
"""
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import (GemmaConfig, Gemma2Config, PaliGemmaConfig, PaliGemmaForConditionalGeneration,
                          PreTrainedTokenizerFast, SiglipVisionConfig)
from transformers.models.paligemma import processing_paligemma
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

HERE = Path(__file__).parent
IMAGE, SIDE = 38, 12
TEXT = dict(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=1, head_dim=8, max_position_embeddings=64, bos_token_id=2, eos_token_id=1, pad_token_id=0)
VISION = dict(hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE,
              patch_size=4, vision_use_head=False)


def summary(g):
    flat, place = g.double().flatten(), torch.arange(1, g.numel() + 1).double()
    return torch.stack([(flat * (k * place).cos()).sum() for k in (1, 2, 3)] + [flat.norm()]).float()


def published(key):
    key = key.replace("model.vision_tower.", "vision_tower.vision_model.").replace("vision_model.vision_model", "vision_model")
    return key.replace("model.multi_modal", "multi_modal").replace("model.language_model", "language_model.model")


def make(name, text, seed):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    config = PaliGemmaConfig(vision_config=SiglipVisionConfig(**VISION), text_config=text, image_token_index=IMAGE,
                             projection_dim=16, hidden_size=16, vocab_size=40)
    generator = torch.Generator().manual_seed(seed)
    model = PaliGemmaForConditionalGeneration(config)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(parameter + 0.3 * noise if parameter.dim() == 1 else 0.3 * noise)
    model.bfloat16().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)

    # What counts is what transformers makes of the folder, not the model it was saved from.
    model = PaliGemmaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    count, length = (SIDE // 4) ** 2, 24
    pixels = torch.randn(3, 3, SIDE, SIDE, generator=generator)
    ids = torch.randint(3, IMAGE, (2, length), generator=generator)
    ids[0, 0:2 * count], ids[1, 0:count] = IMAGE, IMAGE
    prompts = torch.tensor([2 * count + 3, count + 6])
    types = (torch.arange(length)[None] >= prompts[:, None]).long()
    seen = dict(attention_mask=torch.ones_like(ids), token_type_ids=types)
    features = model.get_image_features(pixels).pooler_output.flatten(0, 1)
    logits = model(input_ids=ids, pixel_values=pixels, use_cache=False, **seen).logits
    labels = ids.masked_fill(types == 0, -100)[:, 1:]
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten())
    loss.backward()
    greedy = []
    for row, (first, images) in enumerate([(int(prompts[0]), pixels[:2]), (int(prompts[1]), pixels[2:])]):
        prompt = ids[row:row + 1, :first]
        grown = model.generate(
            input_ids=prompt, pixel_values=images, attention_mask=torch.ones_like(prompt),
            token_type_ids=torch.zeros_like(prompt), max_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0)
        greedy.append(grown[0, first:])
    images = torch.tensor([[0, 0, count], [0, count, count], [1, 0, count]])
    expected = dict(ids=ids, pixels=pixels, prompts=prompts, images=images, features=features, logits=logits, loss=loss,
                    greedy=torch.stack(greedy))
    expected |= {"grad." + published(key): summary(parameter.grad) for key, parameter in model.named_parameters()}
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    print(name, f"loss {loss.item():.5f}", greedy)


def picture(height, width):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * 7 + y * 13 + c * 50 + (x * y) % 31 + (x // 5 % 2) * 90) % 256).astype(np.uint8)


def tokenizer():
    """Bytes and a few words; a space is written ▁, as Gemma's tokenizer does."""
    words = ["<pad>", "<eos>", "<bos>", "<unk>", "▁", "\n", ";", *"detcawhros.?0123456789", "de", "det", "ca", "cat", "▁c", "▁ca",
             "▁cat"]
    words += [f"<0x{byte:02X}>" for byte in range(256)]
    merges = [("d", "e"), ("de", "t"), ("c", "a"), ("ca", "t"), ("▁", "c"), ("▁c", "a"), ("▁ca", "t")]
    own = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, merges, unk_token="<unk>", fuse_unk=True,
                               byte_fallback=True))
    own.normalizer = normalizers.Replace(" ", "▁")
    own.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    own.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    own.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in words[:4]])
    return PreTrainedTokenizerFast(tokenizer_object=own, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>",
                                   unk_token="<unk>")


def process():
    folder = HERE / "processor"
    shutil.rmtree(folder, ignore_errors=True)
    processing_paligemma.EXTRA_TOKENS = [f"<loc{i:0>4}>" for i in range(16)]
    images = SiglipImageProcessorPil(size={"height": 10, "width": 10}, image_seq_length=4)
    images.image_seq_length = 4
    processor = processing_paligemma.PaliGemmaProcessor(images, tokenizer())
    processor.tokenizer.save_pretrained(folder)
    images.save_pretrained(folder)
    tensors = {}
    for index, (height, width) in enumerate([(20, 33), (31, 18), (10, 10), (1, 1), (5, 40), (300, 200)]):
        values = images(Image.fromarray(picture(height, width)), return_tensors="np")["pixel_values"][0]
        tensors[f"{height}x{width}"] = torch.from_numpy(np.ascontiguousarray(values.astype(np.float32)))
    save_file(tensors, folder / "images.safetensors")
    records = [("detect cat", "<loc0001><loc0012><loc0003><loc0015> cat", 1), ("<image>detect cat ; cat", " 12", 1),
               ("<image>cat<image>\nwhere", "\nthere", 2), ("", "cat", 1), ("<image><image> x \n", "", 2),
               ("caption\n", "ca\n<loc0000>", 1)]
    cases, blank = [], Image.fromarray(picture(10, 10))
    for prompt, answer, count in records:
        # With an answer its ids follow those of the prompt; without one the prompt is what a model is asked.
        asked = processor(images=[[blank] * count], text=[prompt])["input_ids"][0]
        both = processor(images=[[blank] * count], text=[prompt], suffix=[answer])
        learnt = [int(kind) for kind in both["token_type_ids"][0]]
        cases.append(dict(prompt=prompt, answer=answer, images=count, asked=list(asked), ids=list(both["input_ids"][0]),
                          learnt=learnt))
    (folder / "prompts.json").write_text(json.dumps(dict(image=processor.image_token_id, cases=cases)) + "\n")
    print(folder.name, [len(case["ids"]) for case in cases])


make("paligemma", GemmaConfig(**TEXT), 1)
make("paligemma2", Gemma2Config(**TEXT, sliding_window=7, query_pre_attn_scalar=12), 2)
process()
for file in HERE.rglob("*"):
    if file.is_file():
        file.chmod(0o644)
        print(file.relative_to(HERE), file.stat().st_size)
