# SPDX-License-Identifier: Apache-2.0
"""Writes Sources/TokenData/Tokenizer/Unicode{Class,Script,Normalization}Tables.swift.

    python scripts/make-unicode-tables.py        (tokenizers 0.23.3; takes about two minutes)

A tokenizer must agree with the `tokenizers` package on every code point, and that package answers from five sources
of different Unicode age (Oniguruma, Rust's char, Rust's regex, unicode_categories, unicode-normalization-alignments).
So the tables are not taken from one version of Unicode: each question is put to the package itself, for all
1,112,064 scalars. Numbers are written as little-endian base-32 digits, 32 added to all but the last of a number.
"""

import pathlib
import random

from tokenizers import Regex, normalizers, pre_tokenizers

HERE = pathlib.Path(__file__).resolve().parent.parent / "Sources/TokenData/Tokenizer"
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
ALL = "".join(map(chr, SCALARS))
CATEGORIES = (
    "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn".split()
)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"


def encode(numbers):
    digits = []
    for number in numbers:
        while number >= 32:
            digits.append(ALPHABET[32 + number % 32])
            number //= 32
        digits.append(ALPHABET[number])
    return "".join(digits)


def literal(text):
    return "\n".join("    " + text[i : i + 110] + "\\" for i in range(0, len(text), 110))[:-1]


# Classes


def pieces(pre_tokenizer, text=ALL):
    return [piece for piece, _ in pre_tokenizer.pre_tokenize_str(text)]


def oniguruma(pattern):
    split = pre_tokenizers.Split(Regex(pattern + "+"), "removed", invert=True)
    return {ord(c) for piece in pieces(split) for c in piece}


def rust_numeric():
    # Contiguous pieces alternate between numeric and not; U+0000 is not.
    return {ord(c) for piece in pieces(pre_tokenizers.Digits(False))[1::2] for c in piece}


def rust_word():
    words = pieces(pre_tokenizers.Whitespace(), "".join(f"a{chr(c)} " for c in SCALARS))
    return {ord(piece[1]) for piece in words if len(piece) == 2 and piece[0] == "a"}


def removed_by(pre_tokenizer):
    kept = {ord(c) for piece in pieces(pre_tokenizer) for c in piece}
    return {c for c in SCALARS if c not in kept}


def bert(**options):
    rest = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    return normalizers.BertNormalizer(**{**rest, **options})


def changed_by(normalizer, wanted):
    return {c for c in SCALARS if normalizer.normalize_str(chr(c)) == wanted}


def class_table():
    flags = [0] * 0x110000
    for index, category in enumerate(CATEGORIES):
        for scalar in oniguruma(r"\p{%s}" % category) if category != "Cs" else range(0xD800, 0xE000):
            flags[scalar] |= index
    white = oniguruma(r"\s")
    assert white == removed_by(pre_tokenizers.WhitespaceSplit()), "two meanings of white space"
    marks = {c for c in SCALARS if c and normalizers.StripAccents().normalize_str(chr(c)) == ""}
    properties = [
        white,
        oniguruma(r"\w"),
        oniguruma(r"\p{Han}"),
        rust_numeric(),
        rust_word(),
        removed_by(pre_tokenizers.Punctuation("removed")),
        marks,
        changed_by(bert(clean_text=True), ""),
        changed_by(bert(strip_accents=True), ""),
    ]
    for bit, scalars in enumerate(properties):
        for scalar in scalars:
            flags[scalar] |= 32 << bit
    palette = sorted(set(flags))
    numbers, start = [], 0
    for scalar in range(1, 0x110001):
        if scalar == 0x110000 or flags[scalar] != flags[start]:
            numbers += [scalar - start, palette.index(flags[start])]
            start = scalar
    return palette, numbers


# Scripts


def script_runs():
    """Runs of scalars that UnicodeScripts does not part; number 0 stands for those that belong to any script."""
    split = pre_tokenizers.UnicodeScripts().pre_tokenize_str
    known = [c for c in SCALARS if split(chr(c))]  # a text of none but the others has no parts
    runs, representatives, scripts = [], [], [0] * 0x110000
    for piece, (start, end) in split("".join(map(chr, known))):
        for number, other in enumerate(representatives):
            if len(split(other + piece[0])) == 1:
                break
        else:
            number = len(representatives)
            representatives.append(piece[0])
        for scalar in known[start:end]:
            scripts[scalar] = number + 1
    start = 0
    for scalar in range(1, 0x110001):
        if scalar == 0x110000 or scripts[scalar] != scripts[start]:
            runs += [scalar - start, scripts[start]]
            start = scalar
    return runs


# Normalisation


def is_hangul(scalar):
    return 0xAC00 <= scalar < 0xD7A4


def combining_ranks(nfd):
    """Ranks of canonical combining classes: only their order matters, and the package shows that by sorting."""

    def below(a, b):
        return a != b and nfd("a" + chr(b) + chr(a)) == "a" + chr(a) + chr(b)

    # A mark of class above 0 jumps over one of some other such class; two references find them all.
    marks = [c for c in SCALARS if nfd(chr(c)) == chr(c) and (below(c, 0x345) or below(0x334, c) or c in (0x334, 0x345))]
    representatives = []
    ranks = {}
    for mark in marks:
        low, high = 0, len(representatives)
        while low < high:
            middle = (low + high) // 2
            if below(representatives[middle], mark):
                low = middle + 1
            else:
                high = middle
        if low == len(representatives) or below(mark, representatives[low]):
            representatives.insert(low, mark)
    for mark in marks:
        ranks[mark] = 1 + sum(below(other, mark) for other in representatives)
    return ranks


def normalization_tables():
    nfd, nfc = normalizers.NFD().normalize_str, normalizers.NFC().normalize_str
    nfkd = normalizers.NFKD().normalize_str
    ranks = combining_ranks(nfd)
    rank_numbers, previous = [], 0
    scalars = sorted(ranks)
    while scalars:
        start = scalars[0]
        count = 1
        while count < len(scalars) and scalars[count] == start + count and ranks[start + count] == ranks[start]:
            count += 1
        rank_numbers += [start - previous, count, ranks[start]]
        previous = start
        scalars = scalars[count:]

    canonical, compatible = {}, {}
    for scalar in SCALARS:
        text = chr(scalar)
        if is_hangul(scalar):
            continue
        if nfd(text) != text:
            canonical[scalar] = nfd(text)
        if nfkd(text) != nfd(text):
            compatible[scalar] = nfkd(text)
    composing = {c for c, text in canonical.items() if len(text) > 1 and nfc(text) == chr(c)}
    check(canonical, compatible, composing, ranks)

    def numbers(table, flagged):
        result, previous = [], 0
        for scalar, text in table.items():
            result += [scalar - previous, 2 * len(text) + (scalar in flagged)]
            for c in text:
                delta = ord(c) - scalar
                result.append(2 * delta if delta >= 0 else -2 * delta - 1)
            previous = scalar
        return result

    return rank_numbers, numbers(canonical, composing), numbers(compatible, set())


def check(canonical, compatible, composing, ranks):
    """The same algorithm as CanonicalText.swift, against the package on random text."""
    pairs = {}
    for scalar in sorted(composing, key=lambda c: len(canonical[c])):
        text = canonical[scalar]
        first = text[0]
        for c in text[1:-1]:
            first = pairs[first, c]
        pairs[first, text[-1]] = chr(scalar)

    def decomposed(text, compatibility):
        scalars = []
        for c in text:
            code = ord(c)
            if is_hangul(code):
                code -= 0xAC00
                scalars += [0x1100 + code // 588, 0x1161 + code % 588 // 28] + [0x11A7 + code % 28] * (code % 28 > 0)
            else:
                parts = canonical.get(code, c)
                scalars += map(ord, compatible.get(code, parts) if compatibility else parts)
        start = 0
        for i in range(len(scalars) + 1):
            if i == len(scalars) or scalars[i] not in ranks:
                scalars[start:i] = sorted(scalars[start:i], key=lambda s: ranks.get(s, 0))
                start = i + 1
        return "".join(map(chr, scalars))

    def compose(a, b):
        x, y = ord(a) - 0x1100, ord(b) - 0x1161
        if 0 <= x < 19 and 0 <= y < 21:
            return chr(0xAC00 + (x * 21 + y) * 28)
        x, y = ord(a) - 0xAC00, ord(b) - 0x11A7
        if 0 <= x < 11172 and x % 28 == 0 and 0 < y < 28:
            return chr(ord(a) + y)
        return pairs.get((a, b))

    def composed(text):
        result, starter, last = [], None, None
        for c in text:
            rank = ranks.get(ord(c), 0)
            if starter is not None and (last is None or last < rank):
                joined = compose(result[starter], c)
                if joined:
                    result[starter] = joined
                    continue
            result.append(c)
            if rank == 0:
                starter, last = len(result) - 1, None
            else:
                last = rank
        return "".join(result)

    rng = random.Random(5)
    pool = list(canonical) + list(compatible) + list(ranks) + list(ranks) + [0x1100, 0x1161, 0x11A8, 0xAC00, 0x61]
    for length in [1] * 40_000 + [6] * 40_000:
        text = "".join(chr(rng.choice(pool)) for _ in range(length))
        for name, ours in [
            ("NFD", decomposed(text, False)),
            ("NFKD", decomposed(text, True)),
            ("NFC", composed(decomposed(text, False))),
            ("NFKC", composed(decomposed(text, True))),
        ]:
            theirs = getattr(normalizers, name)().normalize_str(text)
            assert ours == theirs, (name, [hex(ord(c)) for c in text], ours, theirs)


def table(name, comment, numbers):
    return f'  /// {comment}\n  static let {name}: StaticString = """\n{literal(encode(numbers))}\n    """\n'


def main():
    head = "// Made by scripts/make-unicode-tables.py from tokenizers 0.23.3; not edited by hand.\n"
    palette, runs = class_table()
    rows = ["    " + ", ".join(map(str, palette[i : i + 16])) for i in range(0, len(palette), 16)]
    (HERE / "UnicodeClassTables.swift").write_text(
        f"{head}enum UnicodeClassTables {{\n"
        + "  /// Every combination of category (low five bits) and flags that occurs.\n"
        + "  static let palette: [UInt16] = [\n" + ",\n".join(rows) + ",\n  ]\n\n"
        + table("runs", "Length of each run of equal scalars, index into the palette.", runs)
        + "}\n"
    )
    (HERE / "UnicodeScriptTables.swift").write_text(
        f"{head}enum UnicodeScriptTables {{\n"
        + table("runs", "Length of each run of equal scalars, number of the script; 0 is any.", script_runs())
        + "}\n"
    )
    ranks, canonical, compatible = normalization_tables()
    (HERE / "UnicodeNormalizationTables.swift").write_text(
        f"{head}enum UnicodeNormalizationTables {{\n"
        + table("ranks", "Gap from the last start, count, rank of the combining class among all classes.", ranks)
        + "\n"
        + table(
            "canonical",
            "Gap, 2 × length + (1 if it composes again), then each scalar as zigzag distance: full NFD.",
            canonical,
        )
        + "\n"
        + table("compatible", "The same for NFKD where it differs from NFD.", compatible)
        + "}\n"
    )


main()
