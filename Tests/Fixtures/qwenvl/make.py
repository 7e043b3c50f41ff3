# SPDX-License-Identifier: Apache-2.0
"""Tiny random Qwen2.5-VL and Qwen3-VL, and what transformers computes with them and makes of images and prompts.

    python Tests/Fixtures/qwenvl/make.py

Made with torch 2.13.0, transformers 5.24.0, tokenizers 0.23.1, Pillow 13.0.0, safetensors 0.8.0. The models are Hugging
Face folders as `save_pretrained` writes them, in bfloat16; everything is computed with their weights in float32.

    qwen25vl     windows of 2 x 2 squares, whole attention in the second of three layers
    qwen25flat   a config.json as the published ones have it (the decoder's keys at the top, rope_scaling of type mrope),
                 tied embeddings, windows in the decoder's second layer, squares of 3 x 3, frequencies stretched by YaRN
    qwen3vl      features of two layers go to the decoder; a head width of its own
    qwen3tied    tied embeddings, biases, a table of positions smaller than the images, one layer tapped

`expected.safetensors` of each holds

    pixels [P, 3, p, p]: the patches of all images in the processors' order; grids [N, 2]: rows and columns of patches
    ids [B, T] with runs of the image token, prompts [B]: tokens of each row's prompt
    images [N, 3]: row, first token and count of tokens of each image
    features [F, H], logits [B, T, V], positions [3, B, T] as get_rope_index has them
    loss       mean cross entropy of the tokens after the prompts
    grad.NAME  [4]: Σ gᵢ cos(k (i + 1)) for k = 1, 2, 3, and √Σ gᵢ², of each parameter's gradient g of that loss
    greedy     [B, n]: what `generate` appends to each row's prompt, by the largest logit, with its cache
    padded     [B, n]: the same of both prompts in one batch, padded on the left

`processor` holds a tokenizer, `preprocessor_config.json`, images (by a rule that the tests know) as the Pillow processor
prepares them (values at some places), and prompts as Qwen2.5-VL's and Qwen3-VL's processors write them, in ids.
"""
import copy
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (AutoConfig, PreTrainedTokenizerFast, Qwen2_5_VLForConditionalGeneration,
                          Qwen3VLForConditionalGeneration)
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

HERE = Path(__file__).parent
IMAGE, VIDEO, START, END = 38, 39, 36, 37
MARKS = dict(image_token_id=IMAGE, video_token_id=VIDEO, vision_start_token_id=START, vision_end_token_id=END)
TEXT = dict(vocab_size=40, hidden_size=32, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=256, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
            pad_token_id=0)
VISION = dict(depth=3, hidden_size=16, intermediate_size=20, num_heads=2, patch_size=4, spatial_merge_size=2,
              temporal_patch_size=2, out_hidden_size=32)


def summary(g):
    flat, place = g.double().flatten(), torch.arange(1, g.numel() + 1).double()
    return torch.stack([(flat * (k * place).cos()).sum() for k in (1, 2, 3)] + [flat.norm()]).float()


def make(name, kind, options, grids, seed, flat=False):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(seed)
    model = kind(AutoConfig.for_model(kind.config_class.model_type, **copy.deepcopy(options)))  # it adds to them
    config = model.config
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            noise = 0.3 * torch.randn(parameter.shape, generator=generator)
            # Wide matrices would make states so large that float32 no longer tells 1e-5.
            inputs, kept = parameter[0].numel(), 8 if ".visual." in key else 12
            parameter.copy_(parameter + noise if parameter.dim() == 1 else noise * min(1, kept / inputs) ** 0.5)
    model.bfloat16().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if flat:
        own = dict(options, architectures=[kind.__name__], model_type=kind.config_class.model_type, torch_dtype="bfloat16")
        (folder / "config.json").write_text(json.dumps(own, indent=2) + "\n")

    # What counts is what transformers makes of the folder, not the model it was saved from.
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    vision = model.config.vision_config
    merge, side = vision.spatial_merge_size, vision.patch_size
    counts = [rows * columns // merge ** 2 for rows, columns in grids]
    pixels = torch.randn(sum(rows * columns for rows, columns in grids), 3, side, side, generator=generator)
    shown = pixels[:, :, None].expand(-1, -1, vision.temporal_patch_size, -1, -1).flatten(1)
    thw = torch.tensor([[1, rows, columns] for rows, columns in grids])
    # Two images of unlike sizes in the first row, one in the second.
    first = [5, START] + [IMAGE] * counts[0] + [END, 6, 7, START] + [IMAGE] * counts[1] + [END, 9, 10]
    places = [2, counts[0] + 6]
    second = [8, START] + [IMAGE] * counts[2] + [END, 11]
    prompts = [len(first), len(second)]
    length = max(prompts) + 6
    ids = torch.randint(3, START, (2, length), generator=generator)
    ids[0, :prompts[0]] = torch.tensor(first)
    ids[1, :prompts[1]] = torch.tensor(second)
    images = torch.tensor([[0, places[0], counts[0]], [0, places[1], counts[1]], [1, 2, counts[2]]])
    types = (ids == IMAGE).int()
    seen = model.model.get_image_features(shown, thw, return_dict=True)
    positions, _ = model.model.get_rope_index(ids, types, thw)
    out = dict(pixel_values=shown, image_grid_thw=thw)
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), mm_token_type_ids=types, use_cache=False, **out).logits
    labels = ids.masked_fill(torch.arange(length)[None] < torch.tensor(prompts)[:, None], -100)[:, 1:]
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten())
    loss.backward()
    patches = [rows * columns for rows, columns in grids]
    cut = patches[0] + patches[1]

    def generate(prompt, mask, pixels, thw):
        model.model.rope_deltas = None
        grown = model.generate(
            input_ids=prompt, attention_mask=mask, mm_token_type_ids=(prompt == IMAGE).int(), pixel_values=pixels,
            image_grid_thw=thw, max_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0)
        return grown[:, prompt.shape[1]:]

    greedy = [generate(ids[row:row + 1, :prompts[row]], torch.ones(1, prompts[row], dtype=torch.long), *part)
              for row, part in enumerate([(shown[:cut], thw[:2]), (shown[cut:], thw[2:])])]
    widest = max(prompts)
    padded, mask = torch.zeros(2, widest, dtype=torch.long), torch.zeros(2, widest, dtype=torch.long)
    for row, count in enumerate(prompts):
        padded[row, widest - count:] = ids[row, :count]
        mask[row, widest - count:] = 1
    expected = dict(
        ids=ids, pixels=pixels, grids=torch.tensor(grids), prompts=torch.tensor(prompts), images=images,
        features=torch.cat(list(seen.pooler_output)), positions=positions, logits=logits, loss=loss,
        greedy=torch.cat(greedy), padded=generate(padded, mask, shown, thw))
    expected |= {"grad." + key: summary(parameter.grad) for key, parameter in model.named_parameters()}
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    print(name, f"loss {loss.item():.5f}", expected["greedy"].tolist(), expected["padded"].tolist())


def picture(height, width):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * 7 + y * 13 + c * 50 + (x * y) % 31 + (x // 5 % 2) * 90) % 256).astype(np.uint8)


# As the published folders have it, what tools and system prompts add left out.
CHAT = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n{% if message['content'] is string "
    "%}{{ message['content'] }}<|im_end|>\n{% else %}{% for content in message['content'] %}{% if content['type'] == 'image' "
    "or 'image' in content or 'image_url' in content %}<|vision_start|><|image_pad|><|vision_end|>{% elif content['type'] == "
    "'video' or 'video' in content %}<|vision_start|><|video_pad|><|vision_end|>{% elif 'text' in content %}"
    "{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}"
    "<|im_start|>assistant\n{% endif %}")


def tokenizer():
    """Bytes as Qwen's tokenizer has them, digits one by one."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = alphabet + ["Wh", "Ċ["]
    own = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, [("W", "h")]))
    own.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    own.decoder = decoders.ByteLevel()
    own.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
        "<|image_pad|>", "<|video_pad|>"]])
    made = PreTrainedTokenizerFast(tokenizer_object=own, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.chat_template = CHAT
    return made


def process():
    folder = HERE / "processor"
    shutil.rmtree(folder, ignore_errors=True)
    usual = dict(patch_size=4, min_pixels=8 * 8 * 4, max_pixels=8 * 8 * 60)
    images = Qwen2VLImageProcessorPil(**usual)
    own = tokenizer()
    own.save_pretrained(folder)
    images.save_pretrained(folder)
    kept = json.loads((folder / "preprocessor_config.json").read_text())
    # The slow processor has no name of its own in published folders.
    kept["image_processor_type"] = "Qwen2VLImageProcessor"
    (folder / "preprocessor_config.json").write_text(json.dumps(kept, indent=2) + "\n")
    tensors, cases = {}, []
    generator = np.random.default_rng(0)
    sizes = [(20, 33), (33, 20), (16, 16), (1, 1), (5, 200), (300, 200), (47, 48), (100, 99), (480, 640), (12, 20)]
    settings = {
        "small": images,
        "qwen25": Qwen2VLImageProcessorPil(min_pixels=3136, max_pixels=200704),
        "qwen3": Qwen2VLImageProcessorPil(
            patch_size=16, size={"shortest_edge": 65536, "longest_edge": 262144}, image_mean=[0.5] * 3, image_std=[0.5] * 3),
        "squares": Qwen2VLImageProcessorPil(patch_size=2, merge_size=3, size={"shortest_edge": 36, "longest_edge": 3600}),
    }
    for name, processor in settings.items():
        for height, width in sizes:
            out = processor(Image.fromarray(picture(height, width)), return_tensors="np")
            key, patch = f"{name}.{height}x{width}", processor.patch_size
            values = out["pixel_values"].reshape(-1, 3, processor.temporal_patch_size, patch, patch)
            assert (values[:, :, :1] == values).all()
            flat = np.ascontiguousarray(values[:, :, 0].astype(np.float32)).reshape(-1)
            at = generator.integers(0, flat.size, 400, dtype=np.int32)
            tensors[key + ".grid"] = torch.tensor(out["image_grid_thw"][0].tolist()[1:] + [flat.size])
            tensors[key + ".places"], tensors[key + ".at"] = torch.from_numpy(at), torch.from_numpy(flat[at])
    text = dict(type="text", text="Where?")
    said = [
        ([dict(role="user", content=[dict(type="image"), text]),
          dict(role="assistant", content=[dict(type="text", text="[12, 48]")])], [(20, 33)]),
        ([dict(role="user", content=[dict(type="text", text="See "), dict(type="image"), dict(type="image"),
                                     dict(type="text", text="\nWhere?")])], [(16, 16), (5, 200)]),
        ([dict(role="user", content=[dict(type="text", text="Hello.")])], []),
    ]
    plain = [
        ("<|vision_start|><|image_pad|><|vision_end|>Where?", [(20, 33)]),
        ("A<|vision_start|><|image_pad|><|vision_end|> B <|vision_start|><|image_pad|><|vision_end|>", [(16, 16), (47, 48)]),
        ("bare <|image_pad|> mark", [(12, 20)]),
    ]
    for kind in (Qwen2_5_VLProcessor, Qwen3VLProcessor):
        processor = kind.__new__(kind)  # its video processor wants torchvision
        processor.image_processor, processor.tokenizer = images, own
        processor.image_token = "<|image_pad|>"
        for index, (content, shown) in enumerate(said + plain):
            written = content if isinstance(content, str) else own.apply_chat_template(content, tokenize=False)
            for height, width in shown:
                out = images(Image.fromarray(picture(height, width)), return_tensors="np")
                written = written.replace(
                    "<|image_pad|>", processor.replace_image_token(out, 0).replace("<|image_pad|>", "\x00"), 1)
            ids = own(written.replace("\x00", "<|image_pad|>"), add_special_tokens=False)["input_ids"]
            if kind is Qwen2_5_VLProcessor:
                cases.append({"prompt" if isinstance(content, str) else "messages": content, "images": shown, "ids": ids})
            else:
                assert cases[index]["ids"] == ids
    save_file(tensors, folder / "images.safetensors")
    (folder / "prompts.json").write_text(json.dumps(dict(image=own.convert_tokens_to_ids("<|image_pad|>"), cases=cases)) + "\n")
    print(folder.name, [len(case["ids"]) for case in cases], {k: t.tolist() for k, t in tensors.items() if "grid" in k})


if __name__ == "__main__":
    plain = dict(rope_type="default", rope_theta=1e4)
    make("qwen25vl", Qwen2_5_VLForConditionalGeneration, dict(
        text_config=dict(TEXT, rope_parameters=dict(plain, mrope_section=[2, 3, 3])),
        vision_config=dict(VISION, window_size=16, fullatt_block_indexes=[1]), **MARKS),
        [(6, 10), (4, 4), (10, 2)], 1)
    make("qwen25flat", Qwen2_5_VLForConditionalGeneration, dict(
        TEXT, rope_theta=5e3, rope_scaling=dict(
            type="yarn", factor=4.0, original_max_position_embeddings=16, mrope_section=[4, 2, 2]),
        use_sliding_window=True, sliding_window=6, max_window_layers=1, tie_word_embeddings=True,
        vision_config=dict(VISION, model_type="qwen2_5_vl", spatial_merge_size=3, window_size=25, in_chans=3,
                           fullatt_block_indexes=[0, 7]), **MARKS),
        [(6, 9), (3, 12), (9, 9)], 2, flat=True)
    make("qwen3vl", Qwen3VLForConditionalGeneration, dict(
        text_config=dict(TEXT, head_dim=24, rope_parameters=dict(
            plain, mrope_section=[4, 4, 4], mrope_interleaved=True)),
        vision_config=dict(VISION, num_position_embeddings=36, deepstack_visual_indexes=[0, 2]), **MARKS),
        [(6, 10), (4, 4), (2, 8)], 3)
    make("qwen3tied", Qwen3VLForConditionalGeneration, dict(
        text_config=dict(TEXT, head_dim=16, num_key_value_heads=2, attention_bias=True, rope_parameters=dict(
            plain, mrope_section=[3, 1, 3], mrope_interleaved=True)),
        vision_config=dict(VISION, num_position_embeddings=10, hidden_act="gelu", deepstack_visual_indexes=[1]),
        tie_word_embeddings=True, **MARKS),
        [(2, 2), (8, 6), (4, 6)], 4)
    process()
    for file in HERE.rglob("*"):
        if file.is_file():
            file.chmod(0o644)
            print(file.relative_to(HERE), file.stat().st_size)
