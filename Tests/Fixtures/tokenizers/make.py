# SPDX-License-Identifier: Apache-2.0
"""Small tokenizers with the configurations of real ones, and what the tokenizers package makes of text with them.

    python Tests/Fixtures/tokenizers/make.py        (Python 3.11, tokenizers 0.23.3)

NAME.json        a tokenizer.json trained on corpus.training_text()
cases.json       the strings of corpus.cases()
expected.json    for each tokenizer:
                 "cases": a hash for each of those strings, "examples": the values behind some of them,
                 "text", "ids": 100 hashes, each of 100 of the random strings 0 ... 9,999, and of random ids
"""

import collections
import json
import pathlib
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import corpus  # noqa: E402

HERE = pathlib.Path(__file__).parent
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
DEEPSEEK = [
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False)


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern) if not isinstance(pattern, tuple) else pattern[0], behavior, invert)


def special(content, **options):
    return AddedToken(content, special=True, normalized=options.pop("normalized", False), **options)


def template(tokenizer, single):
    tokens = [token for token in single.split() if token != "$A"]
    return processors.TemplateProcessing(single, special_tokens=[(t, tokenizer.token_to_id(t)) for t in tokens])


def train(tokenizer, size, specials, initial=(), common=1):
    """Characters that occur less than `common` times are left out (limit_alphabet breaks ties at random)."""
    lines = corpus.training_text()
    counts = collections.Counter("".join(lines))
    lines = ["".join(c for c in line if counts[c] >= common) for line in lines]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=list(initial), show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)


def byte_level(pre, size=2000, normalizer=None, specials=("<|endoftext|>",), alphabet=True, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    letters = pre_tokenizers.ByteLevel.alphabet() if alphabet else ()
    train(tokenizer, size, [special(s) for s in specials], letters)
    return tokenizer


def sentence_piece(size, specials, **model):
    """The configuration that transformers converts a SentencePiece BPE to. Trained on words, as SentencePiece does."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", **model))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    bytes_ = [f"<0x{b:02X}>" for b in range(256)] if model.get("byte_fallback") else []
    train(tokenizer, size, [*specials, *bytes_], common=4)
    text = json.loads(tokenizer.to_str())
    text["added_tokens"] = [t for t in text["added_tokens"] if t["content"] not in bytes_]
    text["pre_tokenizer"] = None
    return Tokenizer.from_str(json.dumps(text))


def llama2_text(tokenizer):
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )


def make_llama3():
    tokenizer = byte_level(
        pre_tokenizers.Sequence([split(LLAMA3), BYTES]),
        specials=["<|begin_of_text|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    )
    tokenizer.model.ignore_merges = True
    tokenizer.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), template(tokenizer, "<|begin_of_text|> $A")]
    )
    return tokenizer


def make_gpt2():
    tokenizer = byte_level(
        pre_tokenizers.ByteLevel(add_prefix_space=False), continuing_subword_prefix="", end_of_word_suffix=""
    )
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def make_smollm2():
    pre = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer = byte_level(pre, specials=["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([AddedToken("<b>", normalized=False), AddedToken("</b>", normalized=False)])
    return tokenizer


def make_qwen2():
    tokenizer = byte_level(pre_tokenizers.Sequence([split(QWEN2), BYTES]), normalizer=normalizers.NFC())
    tokenizer.add_tokens(
        [
            AddedToken("newtoken", single_word=True), AddedToken("<mask>", lstrip=True, rstrip=True),
            AddedToken("Ünïcode", normalized=True), AddedToken("<b>", rstrip=True), AddedToken("<b>x"),
        ]
    )
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    return tokenizer


def make_gaps():
    """Bytes that the vocabulary lacks are dropped, as with the real SmolLM2."""
    return byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), 500, alphabet=False)


def make_gaps_unknown():
    return byte_level(
        pre_tokenizers.ByteLevel(add_prefix_space=False), 500, alphabet=False, specials=["<unk>"], unk_token="<unk>"
    )


def make_roberta():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True), 700, specials=["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.add_special_tokens([special("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def make_llama2():
    tokenizer = sentence_piece(
        1600, [special("<unk>"), special("<s>"), special("</s>")], byte_fallback=True, fuse_unk=True
    )
    llama2_text(tokenizer)
    tokenizer.post_processor = template(tokenizer, "<s> $A")
    return tokenizer


def make_phi3():
    tokenizer = sentence_piece(
        900, [special("<unk>"), special("<s>"), special("</s>", rstrip=True)], byte_fallback=True, fuse_unk=True
    )
    llama2_text(tokenizer)
    tokenizer.add_special_tokens(
        [special(s, rstrip=True) for s in ["<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"]]
    )
    tokenizer.add_tokens([AddedToken("newtoken", single_word=True), AddedToken("<mask>", lstrip=True)])
    tokenizer.post_processor = template(tokenizer, "<s> $A </s>")
    return tokenizer


def make_metaspace():
    tokenizer = sentence_piece(700, [special("<unk>"), special("<s>"), special("</s>")], fuse_unk=False)
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.add_special_tokens([special("<mask>", lstrip=True, rstrip=True)])
    return tokenizer


def make_metaspace_always():
    tokenizer = sentence_piece(600, [special("<unk>")], fuse_unk=True)
    tokenizer.normalizer = normalizers.NFKD()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always", split=False)]
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def make_lowercase():
    tokenizer = sentence_piece(600, [special("<unk>")], fuse_unk=False)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Digits(False)]
    )
    tokenizer.add_tokens([AddedToken("newtoken", single_word=True), AddedToken("Ünïcode", lstrip=True)])
    return tokenizer


def words(*steps):
    """Every word is one unknown token, so that ids and offsets show how the text is cut."""
    tokenizer = Tokenizer(models.BPE({"<unk>": 0}, [], unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(list(steps))
    return tokenizer


def make_words_gpt2():
    return words(split(GPT2))


def make_words_llama3():
    return words(split(LLAMA3))


def make_words_qwen2():
    return words(split(QWEN2))


def make_words_o200k():
    return words(split(O200K))


def make_words_cl100k():
    return words(split(CL100K, "removed", invert=True))


def make_words_deepseek():
    return words(*map(split, DEEPSEEK))


def make_words_behaviors():
    """Every behaviour, and strings as patterns."""
    return words(
        split(("e ",), "merged_with_next"), split(r"[aeiou]{2}", "contiguous"),
        split(r"\d", "merged_with_previous"), split(("--",), "isolated"), split(r"\p{Han}+", "removed", invert=False),
        split(r"[^\s]+", "merged_with_next", invert=True), pre_tokenizers.Digits(False),
    )


def make_words_syntax():
    """Rare syntax, and matches that are empty."""
    return words(
        split(r"\w+?\b"), split(r"(?>a|ab)c|x*y|(?:no|yes){1,2}|[a-f]{2,3}+"),
        split(r"[\x{41}-\u0043\-[x-z]\]]+$|^\s|\Ab|\z|\B[mn]", "merged_with_next"), split(r"(?=[A-Z])|t*?h"),
        split(r"(?:[0-9]+[a-z])++|(?i:k)|.\n", "merged_with_previous"),
    )


def make_words_simple():
    return words(pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("merged_with_previous"))


def fold(value, numbers):
    for number in numbers:
        value = ((value ^ number) * 0x100000001B3) & (2**64 - 1)
    return value


def encoded(tokenizer, text):
    encoding = tokenizer.encode(text)
    ids = encoding.ids
    flat = [n for pair in encoding.offsets for n in pair]
    return [
        ids, flat, tokenizer.encode(text, add_special_tokens=False).ids, tokenizer.decode(ids),
        tokenizer.decode(ids, skip_special_tokens=False), tokenizer.decode(ids[::-1]),
    ]


def digest(values):
    result = 0xCBF29CE484222325
    for value in values:
        result = fold(result, value.encode() if isinstance(value, str) else value)
    return f"{result:016x}"


def random_ids(tokenizer, seed):
    rng = corpus.Random(seed)
    size = tokenizer.get_vocab_size()
    ids = [rng.next(size) for _ in range(1 + rng.next(12))]
    return [tokenizer.decode(ids), tokenizer.decode(ids, skip_special_tokens=False)]


def expected(tokenizer, cases):
    chunks = [range(start, start + 100) for start in range(0, 10_000, 100)]
    return {
        "cases": [digest(encoded(tokenizer, case)) for case in cases],
        "examples": {case: encoded(tokenizer, case) for case in cases if case in EXAMPLES},
        "text": [digest(v for s in chunk for v in encoded(tokenizer, corpus.random_string(s))) for chunk in chunks],
        "ids": [digest(v for s in chunk for v in random_ids(tokenizer, s)) for chunk in chunks],
    }


EXAMPLES = ["", "  a", "don't I'll we've you're he'd I'm it's", "-12.5", "e\u0301", "👍🏽", "word  <mask>  word", "각 가 ᆨ ᄀ"]


def main():
    makers = {name[5:]: make for name, make in globals().items() if name.startswith("make_")}
    cases = corpus.cases()
    (HERE / "cases.json").write_text(json.dumps(cases))
    results = {}
    for name, make in makers.items():
        tokenizer = make()
        text = json.loads(tokenizer.to_str())
        if name in ("gpt2", "smollm2", "llama2"):  # as files were written before tokenizers 0.20
            text["model"]["merges"] = [" ".join(pair) for pair in text["model"]["merges"]]
        path = HERE / f"{name}.json"
        path.write_text(json.dumps(text, ensure_ascii=False, separators=(",", ":")))
        results[name] = expected(Tokenizer.from_file(str(path)), cases)
    (HERE / "expected.json").write_text(json.dumps(results, separators=(",", ":")))


if __name__ == "__main__":
    main()
