# SPDX-License-Identifier: Apache-2.0
"""Small tokenizers with the other models and steps of the tokenizers package, and what it makes of text with them.

    python Tests/Fixtures/tokenizers/make_models.py        (Python 3.11, tokenizers 0.23.3)

NAME.json             as make.py has them: T5's and XLM-RoBERTa's kind, BERT's, CLIP's, Falcon's, …
expected_models.json  what expected.json has, with a hash for 1,000 random strings each
"""

import collections
import json
import pathlib
import random
import struct
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import corpus  # noqa: E402
import make  # noqa: E402
from make import special, split, template, words  # noqa: E402

HERE = pathlib.Path(__file__).parent
LINES = corpus.training_text()
COUNTS = collections.Counter("".join(LINES))


def common(count):
    """The lines without characters that occur less often."""
    return ["".join(c for c in line if COUNTS[c] >= count) for line in LINES]


# A character map of SentencePiece, written by hand: what is replaced, and by what.
RULES = {
    "a": "b", "\u0300": "", "\u00e9": "e", "x": "12345", "cd": "never", "\ufdfa": "one two three", "\u3000": " ",
    "\r": "", "\t": " ", "\r\n": "\n", "\u00c5": "A\u030a", "\u0600": "N", "\uff11": "1", "\uff12": "2", "\u2460": "1.",
    "e\u0301": "\u00e9", "\u00ad": "", "q": "", "\u1100": "g", "\U0001f600": ":)", "\U00020000": "\u4e00", "\u200d": "+",
    "Z": "\U0001f600", "\ufb01": "fi", "\u0345": "\u03b9",
}


def character_map(rules):
    """The bytes that SentencePiece writes: a double array of 32-bit units, then the replacements."""
    text, trie = b"", {}
    for key, value in sorted(rules.items()):
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[None] = len(text)
        text += value.encode() + b"\0"
    units, taken, bases = {}, {0}, set()

    def place(node, position, label):
        labels = [byte or 0 for byte in node]
        base = next(b for b in range(1, 1 << 20) if b not in bases and not any(b ^ byte in taken for byte in labels))
        bases.add(base)
        taken.update(base ^ byte for byte in labels)
        units[position] = (base ^ position) << 10 | (None in node) << 8 | label
        for byte, child in node.items():
            if byte is None:
                units[base] = child | 1 << 31
            else:
                place(child, base ^ byte, byte)

    place(trie, 0, 0)
    count = (max(units) | 255) + 1
    return struct.pack(f"<{count + 1}I", 4 * count, *(units.get(i, 0) for i in range(count))) + text


PRECOMPILED = normalizers.Precompiled(character_map(RULES))
BYTES = [f"<0x{b:02X}>" for b in range(256)]


def unigram(size, normalizer, pre, unknown="<unk>", specials=("<pad>", "</s>", "<unk>"), rounded=3, **model):
    """Trained, with the scores as decimals of few digits: rounded ones make ties."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=list(specials), unk_token=unknown, show_progress=False, max_piece_length=8
    )
    tokenizer.train_from_iterator(common(6), trainer)
    text = json.loads(tokenizer.to_str())
    text["model"]["vocab"] = [[piece, round(score, rounded)] for piece, score in text["model"]["vocab"]]
    text["model"] |= model
    return text


def metaspace_decoded(tokenizer, scheme="always"):
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme)
    return tokenizer


def make_t5():
    text = unigram(500, normalizers.Sequence([PRECOMPILED, normalizers.Replace(Regex(" {2,}"), " ")]), pre_tokenizers.Metaspace())
    tokenizer = metaspace_decoded(Tokenizer.from_str(json.dumps(text)))
    tokenizer.add_special_tokens([special("<mask>", lstrip=True)])
    tokenizer.post_processor = template(tokenizer, "$A </s>")
    return tokenizer


def make_xlmr():
    pre = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    text = unigram(400, normalizers.NFKC(), pre, rounded=0, specials=("<s>", "<pad>", "</s>", "<unk>"))
    tokenizer = metaspace_decoded(Tokenizer.from_str(json.dumps(text)))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return tokenizer


def make_unigram_bytes():
    """Llama's steps with a Unigram model: no words, bytes for what is unknown."""
    text = unigram(300, None, pre_tokenizers.Metaspace(), specials=("<unk>", "<s>", "</s>"))
    text["pre_tokenizer"] = None
    vocab = text["model"]["vocab"]
    text["model"]["vocab"] = vocab[:3] + [[b, 0.0] for b in BYTES] + [pair for pair in vocab[3:] if pair[0].isascii() or "▁" in pair[0]]
    text["model"]["byte_fallback"] = True
    tokenizer = Tokenizer.from_str(json.dumps(text))
    make.llama2_text(tokenizer)
    tokenizer.post_processor = template(tokenizer, "<s> $A")
    return tokenizer


def make_unigram_odd():
    """Ties everywhere, a piece twice, runs of unknown characters that are pieces, bytes of which some are missing."""
    pieces = [("<unk>", 0.0), ("a", -1.0), ("b", -1.0), ("ab", -2.0), ("ba", -2.0), ("aba", -3.0), ("abab", -4.0)]
    pieces += [("e", -1.5), ("the", -3.0), ("th", -1.5), ("he", -1.5), ("t", -1.5), ("h", -1.5), ("ab", -2.0), ("", -1.0)]
    pieces += [(chr(0xE9) + "!", 31.5), ("!!", -9.0), ("<0xC3>", -5.0), ("<0xA9>", -5.0), ("<0x21>", -5.0), ("🇩🇪", -7.0)]
    pieces += [(c, -2.5) for c in "0123456789 "] + [("12", -5.0), ("23", -5.0), ("123", -7.5), ("00", -5.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, 0, True))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def make_unigram_alphabet():
    """Bytes as characters, which the model cannot do by itself, and offsets without spaces."""
    pre = pre_tokenizers.ByteLevel(add_prefix_space=True)
    text = unigram(320, None, pre)
    text["model"]["vocab"] = [pair for pair in text["model"]["vocab"] if pair[0] not in "ĠĊÃ"]
    tokenizer = Tokenizer.from_str(json.dumps(text))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=True)
    return tokenizer


def word_piece(size, normalizer, pre, cleanup, prefix="##", longest=100):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False,
        continuing_subword_prefix=prefix,
    )
    tokenizer.train_from_iterator(common(4), trainer)
    text = json.loads(tokenizer.to_str())
    text["model"] |= {"max_input_chars_per_word": longest, "continuing_subword_prefix": prefix}
    tokenizer = Tokenizer.from_str(json.dumps(text))
    tokenizer.decoder = decoders.WordPiece(prefix=prefix, cleanup=cleanup)
    return tokenizer


def make_bert():
    tokenizer = word_piece(600, normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), cleanup=True)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens([special("<mask>", lstrip=True)])
    return tokenizer


def make_bert_cased():
    normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=None, lowercase=False)
    tokenizer = word_piece(400, normalizer, pre_tokenizers.BertPreTokenizer(), cleanup=False, prefix="_", longest=7)
    tokenizer.post_processor = template(tokenizer, "[CLS] $A [SEP]")
    return tokenizer


def make_bert_whole():
    """No prefix, so that every token may go on with a word."""
    return word_piece(300, normalizers.BertNormalizer(strip_accents=False), pre_tokenizers.Whitespace(), cleanup=True, prefix="")


def make_word_level():
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)])
    trainer = trainers.WordLevelTrainer(vocab_size=300, special_tokens=["<unk>", "<s>"], show_progress=False)
    tokenizer.train_from_iterator(LINES, trainer)
    text = json.loads(tokenizer.to_str())
    kept = sorted((id, token) for token, id in text["model"]["vocab"].items())
    text["model"]["vocab"] = {token: id for id, token in kept}
    return Tokenizer.from_str(json.dumps(text))


def make_speech():
    """wav2vec 2.0's: characters, and words ended by a stroke."""
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'.,?!0123456789", " .", " n't"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "|")])
    tokenizer.decoder = decoders.CTC(pad_token="<pad>", word_delimiter_token="|", cleanup=True)
    return tokenizer


def affixed(size, normalizer, pre, decoder, specials=("<unk>",), alphabet=(), **model):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", **model))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, pre, decoder
    affixes = {key: model[key] for key in ("end_of_word_suffix", "continuing_subword_prefix") if key in model}
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(specials), initial_alphabet=list(alphabet), show_progress=False, **affixes
    )
    tokenizer.train_from_iterator(common(4), trainer)
    return tokenizer


def make_clip():
    normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    pre = pre_tokenizers.Sequence([split(pattern, "removed", True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer = affixed(
        900, normalizer, pre, decoders.ByteLevel(), alphabet=pre_tokenizers.ByteLevel.alphabet(), end_of_word_suffix="</w>"
    )
    tokenizer.post_processor = processors.RobertaProcessing(("<unk>", 0), ("<unk>", 0), trim_offsets=False, add_prefix_space=False)
    return tokenizer


def make_gpt1():
    return affixed(
        500, normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.BPEDecoder(suffix="</w>"),
        end_of_word_suffix="</w>",
    )


def make_prefixed():
    return affixed(
        500, None, pre_tokenizers.Whitespace(), decoders.WordPiece(prefix="##", cleanup=False),
        continuing_subword_prefix="##", fuse_unk=True,
    )


def make_falcon():
    pre = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False),
            pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]"),
        ]
    )
    return make.byte_level(pre, 700)


def make_alphabet():
    """Bytes as characters already by the normalizer."""
    return make.byte_level(split(r"Ġ?\p{L}+"), 600, normalizers.Sequence([normalizers.NFC(), normalizers.ByteLevel()]))


def make_twice():
    """Bytes of bytes, and no tokens for some, which are told by other bytes."""
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)
    tokenizer = make.byte_level(
        pre_tokenizers.Sequence([bytes_, pre_tokenizers.ByteLevel(add_prefix_space=False)]), 350, alphabet=False,
        specials=["<|endoftext|>", *BYTES], byte_fallback=True,
    )
    return tokenizer


def plain(normalizer, pre=None):
    """Every byte a token, so that ids show the normalized text."""
    tokenizer = Tokenizer(models.BPE({"<unk>": 0} | {b: i + 1 for i, b in enumerate(BYTES)}, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_tokens([AddedToken("newtoken", single_word=True), AddedToken("<mask>", lstrip=True)])
    return tokenizer


def make_plain_precompiled():
    return plain(PRECOMPILED)


def make_plain_nmt():
    return plain(normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()]))


def make_plain_bert():
    return plain(normalizers.Sequence([normalizers.BertNormalizer(lowercase=False), normalizers.Lowercase()]), split(r"\s+", "isolated"))


def make_words_scripts():
    return words(pre_tokenizers.UnicodeScripts())


def make_words_delimiter():
    return words(pre_tokenizers.CharDelimiterSplit("e"), pre_tokenizers.FixedLength(3))


def make_words_bert():
    return words(pre_tokenizers.BertPreTokenizer(), pre_tokenizers.FixedLength(9))


def expected(tokenizer, cases):
    chunks = [range(start, start + 1000) for start in range(0, 10_000, 1000)]
    return {
        "cases": [make.digest(make.encoded(tokenizer, case)) for case in cases],
        "examples": {case: make.encoded(tokenizer, case) for case in cases if case in make.EXAMPLES},
        "text": [make.digest(v for s in c for v in make.encoded(tokenizer, corpus.random_string(s))) for c in chunks],
        "ids": [make.digest(v for s in c for v in make.random_ids(tokenizer, s)) for c in chunks],
    }


def main():
    random.seed(0)
    makers = {name[5:]: maker for name, maker in globals().items() if name.startswith("make_")}
    names = sys.argv[1:] or makers
    cases = corpus.cases()
    path = HERE / "expected_models.json"
    results = json.loads(path.read_text()) if sys.argv[1:] else {}
    for name in names:
        file = HERE / f"{name}.json"
        file.write_text(json.dumps(json.loads(makers[name]().to_str()), ensure_ascii=False, separators=(",", ":")))
        results[name] = expected(Tokenizer.from_file(str(file)), cases)
        print(name, file.stat().st_size, flush=True)
    path.write_text(json.dumps({name: results[name] for name in makers if name in results}, separators=(",", ":")))


if __name__ == "__main__":
    main()
