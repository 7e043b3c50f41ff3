# SPDX-License-Identifier: Apache-2.0
"""Tiny random LLaVA-OneVisions, and what transformers computes with them and makes of images and prompts.

    python Tests/Fixtures/llavaonevision/make.py

Made with torch 2.13.0, transformers 5.24.0, tokenizers 0.23.1, Pillow 13.0.0, safetensors 0.8.0. `onevision` (anyres_max_9,
tied embeddings) and `onevision-scaled` (anyres_max_1, so that features are scaled down; the layer before the last, a head of
its own, no biases in the projector) are Hugging Face folders as `save_pretrained` writes them, in bfloat16; everything is
computed with their weights in float32. `expected.safetensors` of each holds

    pixels [V, 3, S, S] of all views, ids [B, T] with runs of the image token, prompts [B]: tokens of each row's prompt
    images [N, 3]: row, first token and count of tokens of each image; grids [N, 2]: rows and columns of its parts, 0 for one
    view; areas [N, 4]: rows and columns of features that are kept, and after they are scaled
    features [F, H], logits [B, T, V]
    loss       mean cross entropy of the tokens after the prompts
    grad.NAME  summary of each parameter's gradient of that loss (vision/tiny.py), under the names of published checkpoints
    greedy     [B, n]: what `generate` appends to each row's prompt, by the largest logit, with its cache

`processor` holds a tokenizer, a chat template, `preprocessor_config.json`, `processor_config.json`, images (by a rule that the
tests know) as LLaVA-OneVision's processor prepares them, and prompts as it writes them in ids.
"""
import json
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration, PreTrainedTokenizerFast, Qwen2Config,
                          SiglipVisionConfig)
from transformers.models.llava_onevision import modeling_llava_onevision as modeling
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil
from transformers.models.llava_onevision.processing_llava_onevision import LlavaOnevisionProcessor

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "vision"))
from tiny import expect, list_files, picture, save  # noqa: E402

IMAGE = 38
TEXT = dict(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=256, bos_token_id=2, eos_token_id=1, pad_token_id=0)
VISION = dict(hidden_size=12, intermediate_size=20, num_hidden_layers=3, num_attention_heads=2, vision_use_head=False)


def grids(*sides):
    return [[rows * side, columns * side] for side in sides for rows, columns in
            [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3)]]


def area(model, size, grid, side, most):
    """What transformers keeps of the features of an image's parts, and what it scales them to."""
    kept = modeling.unpad_image(torch.zeros(1, grid[0] * side, grid[1] * side), size).shape[1:]
    ratio = math.sqrt(kept[0] * kept[1] / (most * side**2))
    shown = [int(kept[0] // ratio), int(kept[1] // ratio)] if ratio > 1.1 else kept
    return [*kept, *shown]


def make(name, text, vision, most, sizes, seed, **options):
    folder, generator = HERE / name, torch.manual_seed(seed)
    config = LlavaOnevisionConfig(vision_config=SiglipVisionConfig(**VISION, **vision), text_config=Qwen2Config(**TEXT, **text),
                                  image_token_index=IMAGE, video_token_index=39, vision_aspect_ratio=f"anyres_max_{most}",
                                  image_grid_pinpoints=grids(vision["image_size"]), **options)
    save(LlavaOnevisionForConditionalGeneration(config), folder, generator)
    # What counts is what transformers makes of the folder, not the model it was saved from.
    model = LlavaOnevisionForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    pixel, side = vision["image_size"], vision["image_size"] // vision["patch_size"]
    # One image alone in the first row, cut into parts; two in the second, a view each.
    parts = [modeling.get_anyres_image_grid_shape(sizes[0], config.image_grid_pinpoints, pixel), (0, 0), (0, 0)]
    views = [1 + rows * columns for rows, columns in parts]
    shapes = [area(model, sizes[0], parts[0], side, most), [0] * 4, [0] * 4]
    pixels = torch.randn(sum(views), 3, pixel, pixel, generator=generator)
    padded = torch.zeros(3, max(views), 3, pixel, pixel)
    for index, one in enumerate(pixels.split(views)):
        padded[index, :len(one)] = one
    shown = dict(pixel_values=padded, image_sizes=torch.tensor(sizes), batch_num_images=torch.tensor([1, 2]))
    features = model.get_image_features(**shown).pooler_output
    counts = [len(one) for one in features]
    assert counts[0] == side**2 + shapes[0][2] * (shapes[0][3] + 1) and counts[1:] == [side**2 + 1] * 2, counts
    places = [(0, 2), (1, 1), (1, 4 + counts[1])]
    length = max(counts[0] + 10, 2 * counts[1] + 12)
    ids = torch.randint(3, IMAGE, (2, length), generator=generator)
    for (row, start), count in zip(places, counts):
        ids[row, start:start + count] = IMAGE
    prompts = torch.tensor([counts[0] + 4, 2 * counts[1] + 7])
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **shown).logits
    learnt = torch.arange(length)[None] >= prompts[:, None]
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids.masked_fill(~learnt, -100)[:, 1:].flatten())
    greedy = []
    for row, images in [(0, slice(0, 1)), (1, slice(1, 3))]:
        prompt = ids[row:row + 1, :prompts[row]]
        grown = model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), pixel_values=padded[images],
            image_sizes=shown["image_sizes"][images], batch_num_images=shown["batch_num_images"][row:row + 1],
            max_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0)
        greedy.append(grown[0, prompts[row]:])
    images = torch.tensor([[row, start, count] for (row, start), count in zip(places, counts)])
    expect(model, folder, dict(ids=ids, pixels=pixels, prompts=prompts, images=images, grids=torch.tensor(parts),
                               areas=torch.tensor(shapes), sizes=torch.tensor(sizes), features=torch.cat(features),
                               logits=logits, greedy=torch.stack(greedy)), loss)


TEMPLATE = """{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}{% for part in message['content'] \
%}{% if part['type'] == 'image' %}{{ '<image>\\n' }}{% endif %}{% endfor %}{% for part in message['content'] \
%}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{{ '<|im_end|>\\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""


def tokenizer():
    """Bytes and a few words, as Qwen's tokenizer has them."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = letters + ["ca", "cat", "us", "er", "user"]
    merges = [("c", "a"), ("ca", "t"), ("u", "s"), ("e", "r"), ("us", "er")]
    own = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, merges))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    own.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in
                            ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"]])
    result = PreTrainedTokenizerFast(tokenizer_object=own, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    result.chat_template = TEMPLATE
    return result


def process():
    folder = HERE / "processor"
    shutil.rmtree(folder, ignore_errors=True)
    images = LlavaOnevisionImageProcessorPil(size={"height": 16, "width": 16}, image_grid_pinpoints=grids(16),
                                             image_mean=[0.5] * 3, image_std=[0.5] * 3)
    own = tokenizer()
    processor = LlavaOnevisionProcessor.__new__(LlavaOnevisionProcessor)  # its video processor wants torchvision
    processor.image_processor, processor.tokenizer, processor.num_image_tokens = images, own, 16
    processor.vision_feature_select_strategy, processor.vision_aspect_ratio = "full", "anyres_max_9"
    processor.image_token = "<image>"
    own.save_pretrained(folder)
    images.save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps(dict(
        image_token="<image>", num_image_tokens=16, processor_class="LlavaOnevisionProcessor", video_token="<video>",
        vision_feature_select_strategy="full", vision_aspect_ratio="anyres_max_9"), indent=2) + "\n")
    tensors, generator = {}, np.random.default_rng(0)
    sizes = [(20, 33), (33, 20), (16, 16), (1, 1), (5, 60), (300, 200), (47, 48), (100, 99), (480, 640), (17, 31)]
    for height, width in sizes:
        for kind, batch in [("alone", [[picture(height, width)]]), ("among", [[picture(height, width), picture(8, 8)]])]:
            out = images([[Image.fromarray(one) for one in batch[0]]], return_tensors="np")
            values = np.ascontiguousarray(out["pixel_values"][0].astype(np.float32))
            count = len(values) if kind == "alone" else 1
            flat = values[:count].reshape(-1)
            places = generator.integers(0, flat.size, 400, dtype=np.int32)
            key = f"{kind}.{height}x{width}"
            tensors[key + ".places"], tensors[key + ".at"] = torch.from_numpy(places), torch.from_numpy(flat[places])
            for most in [9, 1, 4]:
                processor.vision_aspect_ratio = f"anyres_max_{most}"
                text = processor.replace_image_token(out, 0)
                tensors[f"{key}.tokens{most}"] = torch.tensor([count, text.count("<image>")])
    processor.vision_aspect_ratio = "anyres_max_9"
    cases = []
    conversations = [
        ([dict(role="user", content=[dict(type="image"), dict(type="text", text="Where?")]),
          dict(role="assistant", content=[dict(type="text", text="[12, 48]")])], [(20, 33)]),
        ([dict(role="user", content=[dict(type="image"), dict(type="image"), dict(type="text", text="cat?")])],
         [(16, 16), (5, 60)]),
        ([dict(role="user", content=[dict(type="text", text="Hello.")])], []),
    ]
    for messages, shown in conversations:
        text = own.apply_chat_template(messages, tokenize=False)
        if shown:
            out = images([[Image.fromarray(picture(*size)) for size in shown]], return_tensors="np")
            for index in range(len(shown)):
                text = text.replace("<image>", processor.replace_image_token(out, index).replace("<image>", "\x00"), 1)
        ids = own(text.replace("\x00", "<image>"), add_special_tokens=False)["input_ids"]
        cases.append(dict(messages=messages, images=shown, ids=ids))
    save_file(tensors, folder / "images.safetensors")
    (folder / "prompts.json").write_text(json.dumps(dict(image=own.convert_tokens_to_ids("<image>"), cases=cases)) + "\n")
    print(folder.name, [len(case["ids"]) for case in cases],
          {key: t.tolist() for key, t in tensors.items() if "tokens" in key})


if __name__ == "__main__":
    make("onevision", dict(tie_word_embeddings=True), dict(image_size=16, patch_size=4), 9, [(20, 33), (40, 30), (9, 9)], 5)
    make("onevision-scaled", dict(), dict(image_size=15, patch_size=3), 1, [(35, 26), (7, 7), (9, 30)], 2,
         vision_feature_layer=-2, multimodal_projector_bias=False)
    process()
    list_files(HERE)
