# SPDX-License-Identifier: Apache-2.0
"""Text for the tokenizer fixtures: what they are trained on, what they are tested with, and random strings.

The random strings are made again in Swift (Tests/TokenDataTests/RandomText.swift), scalar for scalar, so this file and
that one must stay the same.
"""

import heapq
import inspect
import json.decoder
import pathlib
import textwrap

HERE = pathlib.Path(__file__).parent

# Article 1 of the Universal Declaration of Human Rights, and other sentences, in many scripts.
LANGUAGES = """
All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience.
Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience.
Alle Menschen sind frei und gleich an Würde und Rechten geboren. Straße, Größe, Übermut; „Gänsefüßchen“.
Todos los seres humanos nacen libres e iguales en dignidad y derechos; ¿verdad? ¡Sí! El niño comió piñas.
Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Zażółć gęślą jaźń.
Tüm insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. İstanbul'da ışık.
Mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và các quyền.
Все люди рождаются свободными и равными в своём достоинстве и правах. Ёлка, подъезд.
Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. ΣΊΣΥΦΟΣ, ς.
Բոլոր մարդիկ ծնվում են ազատ ու հավասար՝ իրենց արժանապատվությամբ ու իրավունքներով։
כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. שָׁלוֹם
يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. مُحَمَّد ١٢٣٤٥
सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। १२३
সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।
மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.
มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ
人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。第3章
すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。ガパ゛ヷ
모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 한글
ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.
ሁሉም ሰዎች ሲወለዱ ነጻና እኩል ናቸው። ཨོཾ་མ་ཎི་པདྨེ་ཧཱུྃ ꧁ᬅᬓ᭄ᬱᬭ꧂ ᚠᚢᚦ 𐌰𐌱 𐍈 𝔘𝔫𝔦 𝟘𝟙𝟚 𓀀𓂀
"""

NUMBERS = "\n".join(
    f"x = {i / 7:.3f}, y = {i * i}, 2024-0{1 + i % 9}-1{i % 10}, {i}/{i + 1}, -{i}e-{i % 12}, {i * 1000:,}, 0x{i:02X}"
    for i in range(0, 400, 7)
)


def training_text():
    """Apache's licence, Python's own sources (English and code), many languages, numbers."""
    licence = (HERE / "../../../LICENSE").read_text()
    code = inspect.getsource(textwrap) + inspect.getsource(heapq)[:9000] + inspect.getsource(json.decoder)[:6000]
    return [*licence.splitlines(True), *code.splitlines(True), *LANGUAGES.splitlines(True), *NUMBERS.splitlines(True)]


def cases():
    """Strings chosen by hand."""
    spaces = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x20\x85\xa0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000\u180e\u200b\ufeff"
    result = ["", " ", "  ", "   ", "\n", "\r\n", " \n ", "a", " a", "  a", "a ", "a  ", "a   b", "\ta", "a\t\tb\n\n\nc  \n"]
    result += [f"x{space}y{space}{space}z{space}" for space in spaces] + [spaces, spaces[::-1] + "end"]
    result += LANGUAGES.strip().split("\n")
    result += ["0", "1", "42", "007", "3.14", "-12.5", "1,234,567.89", "1e-10", "12345678901234567890", "x=1y=22z=333"]
    result += ["١٢٣٤", "१२३", "Ⅷ", "½ ¾", "²³", "①②", "一二三", "𝟘𝟙𝟚𝟛", "９８７", "5 apples, 10 pears", "99%", "$5.00"]
    result += ["don't I'll we've you're he'd I'm it's", "DON'T I'LL WE'VE YOU'RE HE'D I'M IT'S", "'ſ 'S 's 'x ''s '", "’s ‘t"]
    result += ["😀", "👩‍👩‍👧‍👦 family", "🇩🇪🇫🇷", "👍🏽", "❤️", "a😀b", "😀😀😀", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "♠♥♦♣", "☃️☃"]
    result += ["e\u0301", "\u0301", "a\u0323\u0307", "a\u0307\u0323", "\u1e9b\u0323", "ﬁ ﬀ ﬅ", "Å Å Å", "q\u0307\u0323x", "\u0344a"]
    result += ["각 가 ᆨ ᄀ", "\u1100\u1161\u11a8", "ガ ガ ｶﾞ", "ﷺ ㎏ ™ ℵ Ⅻ", "\u0958 \u0915\u093c", "İıſK", "ǅ ǆ Ǆ", "ΑΣ ας"]
    result += ["\x00", "a\x00b", "\x01\x02\x7f\x80\x9f", "\ufffd", "\ufffe\uffff", "\U0010ffff", "\U000e0001\U000f0000", "\u202eabc\u202c"]
    result += ["<|endoftext|>", "a<|endoftext|>b", "a <|endoftext|> b", "<|endoftext|><|endoftext|>", "<|endoftext", "<s>", "</s>x"]
    result += ["<s>[INST] hi [/INST]</s>", "<|im_start|>user\nhi<|im_end|>\n", "<|begin_of_text|>a", "<unk>", "<pad> <pad>"]
    result += ["word <mask> word", "word  <mask>  word", "<mask><mask>", " <mask>", "<mask> ", "\u3000<mask>\u3000\n x", "a<b>12</b>c"]
    result += ["newtoken", "newtokens", "a newtoken b", "anewtoken", "newtoken.", "(newtoken)", "NEWTOKEN", "_newtoken", "énewtoken", "new token"]
    result += ["<|end|>   \n x", "<|user|>\nhi<|end|>\n<|assistant|>\n", "Ünïcode", "ünïcode token", "▁", "▁a", " ▁ a▁", "▁▁▁", "Ġ", "aĠb Ċ"]
    result += ["<0x41>", "<0x0A><0xFF>", "http://example.com/a?b=c&d=%20#e", "def f(x):\n    return x ** 2  # square\n", "{\"a\": [1, 2]}"]
    result += ["a" * 200, " " * 100, "\n" * 40, "ab" * 60, "1" * 50, "é" * 50, "—" * 20, "!?" * 30, "the " * 40, "\u0301" * 30]
    result += ["CamelCase snake_case kebab-case", "...!!! ??? -- --- ~~", "[x](y) *z* `w`", "a\u00adb\u200dc\u200ed", "ﬀ" * 3 + "'s"]
    return result


class Random:
    """SplitMix64 (Steele, Lea, Flood 2014)."""

    def __init__(self, seed):
        self.state = seed

    def next(self, bound):
        self.state = (self.state + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        return (z ^ (z >> 31)) % bound


SPACES = [" ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u0085", " \n", "\n ", "\u200b"]
SIGNS = ["'s", "'T", "'ll", "'RE", "'\u017f", "'", "...", "\u2014", "$", "%", "(", ")", "\"", ",", "-", "_", "\u2581", "\u0120", "/", "="]
EMOJI = ["😀", "👩\u200d👧", "❤\ufe0f", "👍🏽", "🇩🇪", "☃", "\u200d", "\ufe0f"]
TOKENS = ["<|endoftext|>", "<s>", "</s>", "<unk>", "<mask>", "newtoken", "<b>", "</b>", "<|end|>", "<|im_start|>", "<0x41>", "<"]


def random_string(seed):
    rng = Random(seed)
    result = []

    def word():
        for _ in range(1 + rng.next(8)):
            result.append(chr(0x61 + rng.next(26)))

    for _ in range(1 + rng.next(16)):
        kind = rng.next(16)
        if kind < 3:
            word()
        elif kind < 6:
            result.append(" ")
            word()
        elif kind == 6:
            result.append(chr(0x20 + rng.next(95)))
        elif kind == 7:
            for _ in range(1 + rng.next(6)):
                result.append(chr(0x30 + rng.next(10)))
        elif kind == 8:
            result.append(SPACES[rng.next(len(SPACES))])
        elif kind == 9:
            result.append(chr(rng.next(0x3000)))
        elif kind == 10:
            scalar = rng.next(0x110000 - 0x800)
            result.append(chr(scalar if scalar < 0xD800 else scalar + 0x800))
        elif kind == 11:
            result.append(EMOJI[rng.next(len(EMOJI))])
        elif kind == 12:
            result.append(chr(0x41 + rng.next(26)))
            for _ in range(1 + rng.next(3)):
                result.append(chr(0x300 + rng.next(0x70)))
        elif kind == 13:
            start = [0x4E00, 0xAC00, 0x3041, 0x1100, 0x0400, 0x0600, 0x0900, 0x00C0][rng.next(8)]
            for _ in range(1 + rng.next(3)):
                result.append(chr(start + rng.next(64)))
        elif kind == 14:
            result.append(SIGNS[rng.next(len(SIGNS))])
        else:
            result.append(TOKENS[rng.next(len(TOKENS))])
    return "".join(result)
