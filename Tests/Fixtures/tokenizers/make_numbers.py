# SPDX-License-Identifier: Apache-2.0
"""A small tokenizer of Llama 3's kind that knows every number of up to three digits as one token.

    python Tests/Fixtures/tokenizers/make_numbers.py        (Python 3.11, tokenizers 0.23.3)

numbers3.json    bytes, then `10` ... `99`, `000` ... `999` and a few words by merges; digits are cut into groups of three
                 from the left before that, as Llama 3 does
"""

import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

HERE = pathlib.Path(__file__).parent
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def main():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(alphabet)}
    merges = [(a, b) for a in "0123456789" for b in "0123456789"]
    merges += [(f"{tens:02d}", unit) for tens in range(100) for unit in "0123456789"]
    # A space and a bracket that take the minus sign, and punctuation after numbers.
    merges += [("Ġ", "-"), ("(", "-"), ("k", "g"), ("Ġ", "kg"), ("Ġ", "=")]
    for a, b in merges:
        vocabulary[a + b] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True, normalized=False)])
    encoded = tokenizer.encode("x = 1234567, -12.5 kg").tokens
    assert encoded == ["x", "Ġ=", "Ġ", "123", "456", "7", ",", "Ġ-", "12", ".", "5", "Ġkg"], encoded
    tokenizer.save(str(HERE / "numbers3.json"), pretty=False)


main()
