# SPDX-License-Identifier: Apache-2.0
"""Tiny Llama models as GGUF files, and the Hugging Face folders they come from, for RecipesTests/Import.

    python Tests/Fixtures/import/make.py             # writes the fixtures beside this file
    python Tests/Fixtures/import/make.py check DIR   # loads with transformers what the tests wrote to $DIST2_KEEP=DIR

torch 2.13.0, transformers 5.23.0, tokenizers 0.23.3, gguf 0.19.0, sentencepiece 0.2.3, safetensors 0.8.0

For each model: NAME.gguf; NAME.safetensors, its weights in Hugging Face's names and order, and `logits` for `ids`;
NAME.json, what config.json and tokenizer_config.json must hold, and texts with their ids; NAME.tokenizer.json.
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, RopeScalingType, dequantize, quantize
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.tokenization_utils_base import generate_merges

HERE = Path(__file__).parent
CORPUS = """The loss weighs every token by its distance from the target: 39 is nearer to 40 than 90 is.
In 1805, 1815 and 2024 the values were 0.25, 3.14159 and -17; the mean was 12.5 (n = 1000).
Straße, naïve, Ångström, café; Москва и Київ; 東京都 は 日本; مرحبا; 😀🐈; ½ ² Ⅷ ٣٤.
def f(x):\n    return x ** 2  # we've seen that it's what they'd expect, isn't it?\n\n\tEND\r\n""" * 3
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CONTROL, USER_DEFINED, UNUSED = 3, 4, 5


# Tokenizers


def byte_level_pipeline(kind):
    digits, split = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Split(Regex(LLAMA3_SPLIT), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind != "llama-bpe")
    return {
        "smollm": pre_tokenizers.Sequence([digits, byte_level]),
        "llama-bpe": pre_tokenizers.Sequence([split, byte_level]),
        "gpt-2": byte_level,
    }[kind]


def byte_level(kind, specials, user_defined=()):
    """A tokenizer of the kind, trained on the corpus, with the special tokens first or last as the originals have them."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = byte_level_pipeline(kind)
    first = specials if kind == "smollm" else []
    trainer = trainers.BpeTrainer(
        vocab_size=256 + 40 + len(first), special_tokens=first, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    trained.train_from_iterator([CORPUS], trainer)
    model = json.loads(trained.to_str())["model"]
    vocab, merges = model["vocab"], [tuple(merge) for merge in model["merges"]]
    if not first:
        vocab |= {token: len(vocab) + index for index, token in enumerate(specials)}
    vocab |= {token: len(vocab) + index for index, token in enumerate(user_defined)}
    tokenizer = Tokenizer(models.BPE(vocab, merges, ignore_merges=kind == "llama-bpe"))
    tokenizer.pre_tokenizer = byte_level_pipeline(kind)
    tokenizer.decoder = decoders.ByteLevel()
    added = {**{token: True for token in specials}, **{token: False for token in user_defined}}
    for token in sorted(added, key=vocab.get):
        tokenizer.add_tokens([AddedToken(token, normalized=False, special=added[token])])
    tokens = sorted(vocab, key=vocab.get)
    types = [1] * len(tokens)
    for token, special in added.items():
        types[vocab[token]] = CONTROL if special else USER_DEFINED
    return tokenizer, {"tokens": tokens, "types": types, "merges": [" ".join(merge) for merge in merges]}


def add_begin(tokenizer, token):
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A {token}:1 $B:1", special_tokens=[(token, tokenizer.token_to_id(token))]
    )


def sentence_piece():
    """A vocabulary trained by sentencepiece, which also says how texts are encoded."""
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS.splitlines()), model_writer=model, model_type="bpe", vocab_size=360,
        byte_fallback=True, character_coverage=0.98, split_digits=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, minloglevel=2,
    )  # fmt: skip
    reference = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    ids = range(reference.vocab_size())
    tokens, scores = [reference.id_to_piece(i) for i in ids], [reference.get_score(i) for i in ids]
    types = [
        2 if reference.is_unknown(i) else CONTROL if reference.is_control(i) else 6 if reference.is_byte(i) else 1
        for i in ids
    ]
    vocab = {token: index for index, token in enumerate(tokens)}
    normal = {token: score for token, score, kind in zip(tokens, scores, types) if kind == 1}
    merges = generate_merges({token: vocab[token] for token in normal}, normal)
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    for token in ["<unk>", "<s>", "</s>"]:
        tokenizer.add_tokens([AddedToken(token, normalized=False, special=True)])
    add_begin(tokenizer, "<s>")
    return tokenizer, {"tokens": tokens, "types": types, "scores": scores}, reference


def texts(seed):
    generator = random.Random(seed)
    alphabet = "abcdefgh TheLossXYZ 0123456789 .,'-+=()\n\t  é½²Ⅷ٣Мя東😀🐈\u0301"
    lines = CORPUS.splitlines()
    return ["", " ", "  12  34", "\n\n7\t8", "we've 99's", "ﬁ x\u200d"] + lines[:4] + [
        "".join(generator.choice(alphabet) for _ in range(generator.randint(1, 40))) for _ in range(40)
    ]


# Models


def permute(weights, heads):
    """llama.cpp's convert_hf_to_gguf.py: the halves of a head's rows, interleaved."""
    width = weights.shape[0] // heads
    return weights.reshape(heads, 2, width // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def unpermute(weights, heads):
    """transformers' modeling_gguf_pytorch_utils.py."""
    width = weights.shape[0] // heads
    return weights.reshape(heads, width // 2, 2, *weights.shape[1:]).swapaxes(2, 1).reshape(weights.shape)


NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "model.layers.": "blk.", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def gguf_name(name):
    for theirs, ours in NAMES.items():
        name = name.replace(theirs, ours)
    return name


def rope_factors(config):
    """What convert_hf_to_gguf.py stores as rope_freqs.weight."""
    scaling = config.rope_parameters
    width, length = config.head_dim, scaling["original_max_position_embeddings"]
    low, high, factor = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["factor"]
    frequencies = 1.0 / (scaling["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
    factors = []
    for wavelength in 2 * torch.pi / frequencies:
        if wavelength < length / high:
            factors.append(1)
        elif wavelength > length / low:
            factors.append(factor)
        else:
            smooth = (length / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, dtype=np.float32)


def write(name, config, kinds, vocabulary, tokenizer, expected_ids, metadata, tokenizer_config):
    """kinds: the formats of the matrices, taken in turn."""
    torch.manual_seed(1)
    model = LlamaForCausalLM(config).eval()
    for parameter in model.parameters():
        parameter.data = torch.randn_like(parameter) * (0.3 if parameter.ndim == 2 else 0.1) + (parameter.ndim == 1)
    writer = GGUFWriter(HERE / f"{name}.gguf", "llama")
    writer.add_name(f"tiny {name}")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    writer.add_token_list(vocabulary["tokens"])
    writer.add_token_types(vocabulary["types"])
    if "merges" in vocabulary:
        writer.add_token_merges(vocabulary["merges"])
    if "scores" in vocabulary:
        writer.add_token_scores(vocabulary["scores"])
    metadata(writer)

    weights = {}
    state = {key: value for key, value in model.state_dict().items() if key != "lm_head.weight" or not config.tie_word_embeddings}
    for index, (key, tensor) in enumerate(state.items()):
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        heads = next((count for part, count in heads.items() if part in key), None)
        array = tensor.numpy() if heads is None else permute(tensor.numpy(), heads)
        kind = GGMLQuantizationType[kinds[index % len(kinds)] if tensor.ndim == 2 else "F32"]
        stored = quantize(array, kind)
        writer.add_tensor(gguf_name(key), stored, raw_dtype=kind)
        restored = dequantize(stored, kind).reshape(array.shape)
        weights[key] = torch.from_numpy(np.ascontiguousarray(restored if heads is None else unpermute(restored, heads)))
    if config.rope_parameters["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_factors(config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    model.load_state_dict(weights, strict=not config.tie_word_embeddings)
    model.tie_weights()
    ids = torch.arange(0, config.vocab_size, 7)[:8]
    with torch.no_grad():
        logits = model(ids[None]).logits[0]
    save_file(weights | {"ids": ids, "logits": logits}, HERE / f"{name}.safetensors")

    reference = AutoModelForCausalLM.from_pretrained(HERE, gguf_file=f"{name}.gguf", dtype=torch.float32).state_dict()
    # transformers knows of no biases in a GGUF file of this architecture.
    for key, value in weights.items():
        assert key.endswith(".bias") or torch.equal(reference[key], value), f"transformers reads {key} otherwise"
    keys = [
        "architectures", "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps", "hidden_act",
        "attention_bias", "mlp_bias", "tie_word_embeddings", "bos_token_id", "eos_token_id", "pad_token_id",
    ]  # fmt: skip
    settings = {key: getattr(config, key) for key in keys}
    settings["architectures"] = ["LlamaForCausalLM"]
    scaling = dict(config.rope_parameters)
    settings["rope_theta"] = scaling.pop("rope_theta")
    settings["rope_scaling"] = scaling if scaling["rope_type"] != "default" else None
    special = [token for token, kind in zip(vocabulary["tokens"], vocabulary["types"]) if kind in (CONTROL, USER_DEFINED)]
    # sentencepiece, the reference of the other, reads no special tokens in a text.
    marked = [] if "scores" in vocabulary else [f"{token}1  2 {token} x" for token in special]
    pairs = [{"text": text, "ids": expected_ids(text)} for text in texts(7) + marked]
    document = {"config": settings, "tokenizer_config": tokenizer_config, "texts": pairs}
    (HERE / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False) + "\n")
    (HERE / f"{name}.tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False) + "\n")


def make_smollm():
    """As SmolLM2: tied embeddings, grouped queries, quantised, byte-level with single digits, special tokens first."""
    tokenizer, vocabulary = byte_level("smollm", ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    config = LlamaConfig(
        vocab_size=len(vocabulary["tokens"]), hidden_size=32, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, tie_word_embeddings=True,
        bos_token_id=1, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"

    def metadata(writer):
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)
        writer.add_pad_token_id(2)
        writer.add_add_bos_token(False)
        writer.add_add_space_prefix(False)
        writer.add_chat_template(template)

    expected = {
        "bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>", "pad_token": "<|im_end|>",
        "chat_template": template, "model_max_length": 128, "add_bos_token": False,
    }  # fmt: skip
    write(
        "smollm", config, ["Q8_0", "Q4_1", "Q5_0", "Q4_0", "Q5_1"], vocabulary, tokenizer,
        lambda text: tokenizer.encode(text).ids, metadata, expected,
    )  # fmt: skip


def make_llama3():
    """As Llama 3.1: a head of its own width, an output layer of its own, scaled frequencies, special tokens last."""
    tokenizer, vocabulary = byte_level(
        "llama-bpe", ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"], user_defined=["<think>"]
    )
    add_begin(tokenizer, "<|begin_of_text|>")
    # What the converter makes of a table with more rows than tokens.
    size = len(vocabulary["tokens"])
    vocabulary["tokens"] += [f"[PAD{size}]", f"[PAD{size + 1}]"]
    vocabulary["types"] += [UNUSED, UNUSED]
    begin, end, turn = (tokenizer.token_to_id(token) for token in ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    config = LlamaConfig(
        vocab_size=size + 2, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=131072, rms_norm_eps=1e-6, tie_word_embeddings=False,
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
        },
        bos_token_id=begin, eos_token_id=[end, turn], pad_token_id=None,
    )  # fmt: skip

    def metadata(writer):
        writer.add_key_length(8)
        writer.add_value_length(8)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("llama-bpe")
        writer.add_bos_token_id(begin)
        writer.add_eos_token_id(end)
        writer.add_eot_token_id(turn)

    expected = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>", "add_bos_token": True}
    write(
        "llama3", config, ["F16"], vocabulary, tokenizer, lambda text: tokenizer.encode(text).ids, metadata, expected
    )


def make_llama2():
    """As Llama 2: SentencePiece without merges; and, as no release has, biases and linear scaling."""
    tokenizer, vocabulary, reference = sentence_piece()
    config = LlamaConfig(
        vocab_size=len(vocabulary["tokens"]), hidden_size=16, intermediate_size=24, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}, tie_word_embeddings=False,
        attention_bias=True, mlp_bias=True, bos_token_id=1, eos_token_id=2, pad_token_id=None,
    )  # fmt: skip

    def metadata(writer):
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(2.0)
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)

    def ids(text):
        found = tokenizer.encode(text).ids
        # sentencepiece puts no prefix before nothing.
        assert not text or found == reference.encode(text, add_bos=True), text
        return found

    expected = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True}
    write("llama2", config, ["F32", "BF16"], vocabulary, tokenizer, ids, metadata, expected)


def check(folder):
    """ImportTests import every model to DIR/NAME in f32 when $DIST2_KEEP is DIR."""
    for name in ["smollm", "llama3", "llama2"]:
        expected = json.loads((HERE / f"{name}.json").read_text())
        from safetensors.torch import load_file

        stored = load_file(HERE / f"{name}.safetensors")
        model = AutoModelForCausalLM.from_pretrained(folder / name).eval()
        with torch.no_grad():
            difference = (model(stored["ids"][None]).logits[0] - stored["logits"]).abs().max().item()
        tokenizer = AutoTokenizer.from_pretrained(folder / name)
        assert difference < 1e-5, difference
        for pair in expected["texts"]:
            assert tokenizer(pair["text"]).input_ids == pair["ids"], pair["text"]
        for key in ["bos_token", "eos_token", "unk_token", "pad_token"]:
            assert getattr(tokenizer, key) == expected["tokenizer_config"].get(key), key
        print(f"{name}: logits differ by {difference:.1e}, {len(expected['texts'])} texts equal")


if __name__ == "__main__":
    if sys.argv[1:2] == ["check"]:
        check(Path(sys.argv[2]))
    else:
        make_smollm()
        make_llama3()
        make_llama2()
