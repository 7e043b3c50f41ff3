# SPDX-License-Identifier: Apache-2.0
"""Tiny random Gemma 3s that see, and what transformers computes with them and makes of images and prompts.

    python Tests/Fixtures/gemma3/make.py

Made with torch 2.13.0, transformers 5.24.0, tokenizers 0.23.1, Pillow 13.0.0, safetensors 0.8.0. `gemma3` (squares of 2 x 2
patches, a window longer than an image) and `gemma3-narrow` (a token a patch, a window shorter than an image, scaled rotation,
a head of its own) are Hugging Face folders as `save_pretrained` writes them, in bfloat16; everything is computed with their
weights in float32. `expected.safetensors` of each holds

    pixels [N, 3, S, S], ids [B, T] with runs of the image token, prompts [B]: tokens of each row's prompt
    images [N, 3]: row, first token and count of tokens of each image
    features [N · P, H], logits [B, T, V]
    loss       mean cross entropy of the tokens after the prompts
    grad.NAME  summary of each parameter's gradient of that loss (vision/tiny.py), under the names of published checkpoints
    greedy     [B, n]: what `generate` appends to each row's prompt, by the largest logit, with its cache

`processor` holds a tokenizer, a chat template, `preprocessor_config.json`, images (by a rule that the tests know) as Gemma
3's processor prepares them, and prompts as it writes them in ids.
"""
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (Gemma3Config, Gemma3ForConditionalGeneration, Gemma3TextConfig, PreTrainedTokenizerFast,
                          SiglipVisionConfig)
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.gemma3.processing_gemma3 import Gemma3Processor

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "vision"))
from tiny import expect, list_files, picture, save  # noqa: E402

IMAGE, BEGIN, END = 38, 36, 37
TEXT = dict(vocab_size=40, hidden_size=16, intermediate_size=24, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
            max_position_embeddings=64, query_pre_attn_scalar=12, bos_token_id=2, eos_token_id=1, pad_token_id=0)
VISION = dict(hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, vision_use_head=False)


def make(name, text, vision, count, tied, seed):
    folder, generator = HERE / name, torch.manual_seed(seed)
    config = Gemma3Config(vision_config=SiglipVisionConfig(**VISION, **vision), text_config=Gemma3TextConfig(**TEXT, **text),
                          mm_tokens_per_image=count, image_token_index=IMAGE, boi_token_index=BEGIN, eoi_token_index=END,
                          tie_word_embeddings=tied)
    save(Gemma3ForConditionalGeneration(config), folder, generator)
    # What counts is what transformers makes of the folder, not the model it was saved from.
    model = Gemma3ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    length, side = 34, vision["image_size"]
    pixels = torch.randn(3, 3, side, side, generator=generator)
    ids = torch.randint(3, BEGIN, (2, length), generator=generator)
    places = [(0, 2), (0, count + 6), (1, 3)]
    for row, start in places:
        ids[row, start - 1], ids[row, start:start + count], ids[row, start + count] = BEGIN, IMAGE, END
    prompts = torch.tensor([2 * count + 9, count + 6])
    types = (ids == IMAGE).long()
    seen = dict(attention_mask=torch.ones_like(ids), token_type_ids=types)
    features = model.get_image_features(pixels).pooler_output.flatten(0, 1)
    logits = model(input_ids=ids, pixel_values=pixels, use_cache=False, **seen).logits
    learnt = torch.arange(length)[None] >= prompts[:, None]
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids.masked_fill(~learnt, -100)[:, 1:].flatten())
    greedy = []
    for row, (first, images) in enumerate([(int(prompts[0]), pixels[:2]), (int(prompts[1]), pixels[2:])]):
        prompt = ids[row:row + 1, :first]
        grown = model.generate(
            input_ids=prompt, pixel_values=images, attention_mask=torch.ones_like(prompt), token_type_ids=types[row:row + 1, :first],
            max_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0)
        greedy.append(grown[0, first:])
    images = torch.tensor([[row, start, count] for row, start in places])
    expect(model, folder, dict(ids=ids, pixels=pixels, prompts=prompts, images=images, features=features, logits=logits,
                               greedy=torch.stack(greedy)), loss)


def tokenizer():
    """Bytes, a few words and runs of line breaks; a space is written ▁, as Gemma's tokenizer does."""
    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>",
             "<image_soft_token>", "▁", "\n", ":", *"usermodlcatw?h0123456789[],."]
    words = list(dict.fromkeys(words)) + ["\n\n", "\n\n\n", "\n\n\n\n", "ca", "cat", "▁ca", "▁cat", "us", "er", "user", "mo"]
    words += [f"<0x{byte:02X}>" for byte in range(256)]
    merges = [("\n", "\n"), ("\n\n", "\n\n"), ("\n\n", "\n"), ("c", "a"), ("ca", "t"), ("▁", "ca"), ("▁ca", "t"), ("u", "s"),
              ("e", "r"), ("us", "er"), ("m", "o")]
    own = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, merges, unk_token="<unk>", fuse_unk=True,
                               byte_fallback=True))
    own.normalizer = normalizers.Replace(" ", "▁")
    own.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    own.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    own.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    own.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in words[:9]])
    result = PreTrainedTokenizerFast(
        tokenizer_object=own, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
        extra_special_tokens=dict(boi_token="<start_of_image>", eoi_token="<end_of_image>", image_token="<image_soft_token>"))
    result.chat_template = (HERE.parent / "jinja/templates/gemma3.jinja").read_text()
    return result


def process():
    folder = HERE / "processor"
    shutil.rmtree(folder, ignore_errors=True)
    images = Gemma3ImageProcessorPil(size={"height": 12, "width": 12})
    own = tokenizer()
    processor = Gemma3Processor(images, own, chat_template=own.chat_template, image_seq_length=4)
    own.save_pretrained(folder)
    images.save_pretrained(folder)
    tensors = {}
    for height, width in [(20, 33), (31, 18), (12, 12), (1, 1), (5, 40), (300, 200)]:
        values = images(Image.fromarray(picture(height, width)), return_tensors="np")["pixel_values"][0]
        tensors[f"{height}x{width}"] = torch.from_numpy(np.ascontiguousarray(values.astype(np.float32)))
    save_file(tensors, folder / "images.safetensors")
    blank, cases = Image.fromarray(picture(12, 12)), []
    for text, count in [("<start_of_image> cat", 1), ("cat\n<start_of_image>\n\ncat<start_of_image>\n", 2), ("cat", 0),
                        ("<bos>cat\n\n<start_of_image>", 1)]:
        # A begin token that is there already is not put there again.
        out = processor(text=[text], images=[[blank] * count] if count else None,
                        add_special_tokens=not text.startswith("<bos>"))
        cases.append(dict(text=text, images=count, ids=list(out["input_ids"][0])))
    conversations = [
        [dict(role="user", content=[dict(type="image"), dict(type="text", text="cat?")])],
        [dict(role="system", content=[dict(type="text", text="cat")]),
         dict(role="user", content=[dict(type="text", text="cat 1"), dict(type="image"), dict(type="text", text="cat 2")]),
         dict(role="assistant", content=[dict(type="text", text="[12, 48]")]),
         dict(role="user", content=[dict(type="image"), dict(type="text", text="where?")])],
    ]
    for messages in conversations:
        count = sum(part["type"] == "image" for message in messages for part in message["content"])
        text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        out = processor(text=[text], images=[[blank] * count], add_special_tokens=False)
        cases.append(dict(messages=messages, images=count, ids=list(out["input_ids"][0])))
    (folder / "prompts.json").write_text(json.dumps(dict(image=processor.image_token_ids[0], cases=cases)) + "\n")
    print(folder.name, [len(case["ids"]) for case in cases], own.convert_ids_to_tokens(cases[1]["ids"]))


if __name__ == "__main__":
    make("gemma3", dict(num_hidden_layers=3, sliding_window=9, layer_types=["sliding_attention", "full_attention",
                                                                          "sliding_attention"]),
         dict(image_size=16, patch_size=4), 4, True, 6)
    make("gemma3-narrow", dict(num_hidden_layers=4, sliding_window=5, layer_types=["sliding_attention", "sliding_attention",
                                                                                  "full_attention", "sliding_attention"],
                               rope_parameters=dict(full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1e6),
                                                    sliding_attention=dict(rope_type="default", rope_theta=1e4))),
         dict(image_size=12, patch_size=4), 9, False, 2)
    process()
    list_files(HERE)
