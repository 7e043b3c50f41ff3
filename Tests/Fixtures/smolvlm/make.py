# SPDX-License-Identifier: Apache-2.0
"""Tiny random SmolVLM and Idefics3, and what transformers computes with them and makes of images and prompts.

    python Tests/Fixtures/smolvlm/make.py

Made with torch 2.13.0, transformers 5.24.0, tokenizers 0.23.1, Pillow 13.0.0, num2words 0.5.14, safetensors 0.8.0. `smolvlm`
and `idefics3` (tied embeddings; 10 patches a side, whose places are no binary fractions) are Hugging Face folders as
`save_pretrained` writes them, in bfloat16; everything is computed with their weights in float32. `expected.safetensors` of
each holds

    pixels [V, 3, S, S]: the views of all images; views [N]: how many of them each image has
    ids [B, T] with runs of the image token, prompts [B]: tokens of each row's prompt
    images [N, 3]: row, first token and count of tokens of each image, marks between its views included
    features [F, H], logits [B, T, V]
    loss       mean cross entropy of the tokens after the prompts
    grad.NAME  [4]: Σ gᵢ cos(k (i + 1)) for k = 1, 2, 3, and √Σ gᵢ², of each parameter's gradient g of that loss
    greedy     [B, n]: what `generate` appends to each row's prompt, by the largest logit, with its cache

`processor` holds a tokenizer, `preprocessor_config.json`, images (by a rule that the tests know) as SmolVLM's processor
prepares them (values at some places), and prompts as it writes them in ids.
"""
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (Idefics3Config, Idefics3ForConditionalGeneration, LlamaConfig, PreTrainedTokenizerFast,
                          SmolVLMConfig, SmolVLMForConditionalGeneration)
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
from transformers.models.smolvlm.processing_smolvlm import SmolVLMProcessor

HERE = Path(__file__).parent
IMAGE, MARK = 38, 37
TEXT = dict(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
            pad_token_id=0)
VISION = dict(hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2)


def summary(g):
    flat, place = g.double().flatten(), torch.arange(1, g.numel() + 1).double()
    return torch.stack([(flat * (k * place).cos()).sum() for k in (1, 2, 3)] + [flat.norm()]).float()


def make(name, kind, config, seed):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(seed)
    model = kind(config)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(parameter + 0.3 * noise if parameter.dim() == 1 else 0.3 * noise)
    model.bfloat16().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)

    # What counts is what transformers makes of the folder, not the model it was saved from.
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    side = config.vision_config.image_size
    each = (side // config.vision_config.patch_size // config.scale_factor) ** 2
    views = [3, 1, 1]
    pixels = torch.randn(sum(views), 3, side, side, generator=generator)
    # Two images in the first row, the first of three views with marks between them; one in the second.
    first = [5, MARK] + [IMAGE] * each + [MARK, 6] + [IMAGE] * each + [7, MARK] + [IMAGE] * each + [MARK, 8, MARK]
    second = len(first)
    first += [IMAGE] * each + [MARK, 9, 10]
    prompts = [len(first), each + 4]
    length = prompts[0] + 6
    ids = torch.randint(3, MARK, (2, length), generator=generator)
    ids[0, :prompts[0]] = torch.tensor(first)
    ids[1, 1:1 + each] = IMAGE
    images = torch.tensor([[0, 2, 3 * each + 4], [0, second, each], [1, 1, each]])
    # The same views as the model takes them: rows of images, filled up with empty ones.
    padded = torch.zeros(2, 4, 3, side, side)
    padded[0], padded[1, 0] = pixels[:4], pixels[4]
    features = torch.cat(list(model.get_image_features(pixels[None]).pooler_output))
    seen = dict(attention_mask=torch.ones_like(ids))
    logits = model(input_ids=ids, pixel_values=padded, use_cache=False, **seen).logits
    labels = ids.masked_fill(torch.arange(length)[None] < torch.tensor(prompts)[:, None], -100)[:, 1:]
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten())
    loss.backward()
    greedy = []
    for row, count in enumerate([4, 1]):
        prompt = ids[row:row + 1, :prompts[row]]
        grown = model.generate(
            input_ids=prompt, pixel_values=padded[row:row + 1, :count], attention_mask=torch.ones_like(prompt),
            max_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0)
        greedy.append(grown[0, prompts[row]:])
    expected = dict(ids=ids, pixels=pixels, views=torch.tensor(views), prompts=torch.tensor(prompts), images=images,
                    features=features, logits=logits, loss=loss, greedy=torch.stack(greedy))
    expected |= {"grad." + key: summary(parameter.grad) for key, parameter in model.named_parameters()}
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    print(name, f"loss {loss.item():.5f}", greedy)


def picture(height, width):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * 7 + y * 13 + c * 50 + (x * y) % 31 + (x // 5 % 2) * 90) % 256).astype(np.uint8)


def tokenizer(tiles):
    """Bytes as GPT-2's tokenizer has them, two line breaks one token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + alphabet + ["ĊĊ", "Wh", "ere"]
    own = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, [("Ċ", "Ċ"), ("W", "h"), ]))
    own.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    own.decoder = decoders.ByteLevel()
    own.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in words[:3] + [
        "<fake_token_around_image>", "<image>", "<global-img>", "<end_of_utterance>"]])
    own.add_tokens([AddedToken(f"<row_{r}_col_{c}>", normalized=False) for r in range(1, tiles + 1)
                    for c in range(1, tiles + 1)])
    made = PreTrainedTokenizerFast(tokenizer_object=own, bos_token="<|im_start|>", eos_token="<end_of_utterance>",
                                   unk_token="<|endoftext|>", pad_token="<|im_end|>")
    made.chat_template = (
        "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == "
        "'image' %}{{':'}}{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}"
        "{{line['text']}}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
        "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}")
    return made


def process():
    folder = HERE / "processor"
    shutil.rmtree(folder, ignore_errors=True)
    images = SmolVLMImageProcessorPil(size={"longest_edge": 48}, max_image_size={"longest_edge": 16})
    processor = SmolVLMProcessor.__new__(SmolVLMProcessor)  # its video processor wants torchvision
    own = tokenizer(3)
    processor.image_processor, processor.tokenizer, processor.image_seq_len = images, own, 4
    processor.fake_image_token, processor.image_token, processor.global_image_token = (
        "<fake_token_around_image>", "<image>", "<global-img>")
    own.save_pretrained(folder)
    images.save_pretrained(folder)
    tensors, cases = {}, []
    generator = np.random.default_rng(0)

    def keep(key, values):
        flat = np.ascontiguousarray(values.astype(np.float32)).reshape(-1)
        places = generator.integers(0, flat.size, 400, dtype=np.int32)
        tensors[key + ".places"], tensors[key + ".at"] = torch.from_numpy(places), torch.from_numpy(flat[places])

    sizes = [(20, 33), (33, 20), (16, 16), (1, 1), (5, 200), (300, 200), (47, 48), (100, 99), (480, 640)]
    settings = [("48.16", dict()), ("16.16", dict(size={"longest_edge": 16})), ("40.12", dict(
        size={"longest_edge": 40}, max_image_size={"longest_edge": 12})), ("single", dict(do_image_splitting=False))]
    for name, options in settings:
        for height, width in sizes:
            out = images(Image.fromarray(picture(height, width)), return_tensors="np", return_row_col_info=True, **options)
            grid = [out["rows"][0][0], out["cols"][0][0]]
            key = f"{name}.{height}x{width}"
            tensors[key + ".grid"] = torch.tensor(grid + [out["pixel_values"][0].size])
            keep(key, out["pixel_values"][0])
    conversations = [
        ([dict(role="user", content=[dict(type="image"), dict(type="text", text="Where?")]),
          dict(role="assistant", content=[dict(type="text", text="[12, 48]")])], [(20, 33)]),
        ([dict(role="user", content=[dict(type="text", text="See "), dict(type="image"), dict(type="image"),
                                     dict(type="text", text="\nWhere?")])], [(16, 16), (5, 200)]),
        ([dict(role="user", content=[dict(type="text", text="Hello.")])], []),
    ]
    for messages, shown in conversations:
        text = own.apply_chat_template(messages, tokenize=False)
        for height, width in shown:
            out = images(Image.fromarray(picture(height, width)), return_tensors="np", return_row_col_info=True)
            out = dict(rows=out["rows"], cols=out["cols"])
            text = text.replace("<image>", processor.replace_image_token(out, 0).replace("<image>", "\x00"), 1)
        ids = own(text.replace("\x00", "<image>"), add_special_tokens=False)["input_ids"]
        cases.append(dict(messages=messages, images=shown, ids=ids))
    save_file(tensors, folder / "images.safetensors")
    (folder / "prompts.json").write_text(json.dumps(dict(image=own.convert_tokens_to_ids("<image>"), cases=cases)) + "\n")
    print(folder.name, [len(case["ids"]) for case in cases], {key: t.tolist() for key, t in tensors.items() if "grid" in key})


if __name__ == "__main__":
    make("smolvlm", SmolVLMForConditionalGeneration, SmolVLMConfig(
        vision_config=dict(VISION, image_size=16, patch_size=4), text_config=LlamaConfig(**TEXT), image_token_id=IMAGE,
        scale_factor=2), 1)
    make("idefics3", Idefics3ForConditionalGeneration, Idefics3Config(
        vision_config=dict(VISION, image_size=20, patch_size=2), text_config=LlamaConfig(**TEXT), image_token_id=IMAGE,
        scale_factor=5, tie_word_embeddings=True), 2)
    process()
    for file in HERE.rglob("*"):
        if file.is_file():
            file.chmod(0o644)
            print(file.relative_to(HERE), file.stat().st_size)
