# SPDX-License-Identifier: Apache-2.0
"""JSON texts, good and bad, with what Python's json module makes of them.

    python Tests/Fixtures/json/make.py        (Python 3.11, standard library only)

Each line of cases.txt: the text in hex, then what it means in hex, or "refused". The meaning is
json.dumps(..., separators=(",", ":"), ensure_ascii=False) with every float written as a string of its 64 bits.
Python is made as strict as dist2: no NaN or infinity, no key twice, no half surrogate pair, no float overflow.
"""

import json
import math
import pathlib
import random
import struct

HERE = pathlib.Path(__file__).parent


def refuse(*_):
    raise ValueError("refused")


def pairs(items):
    result = dict(items)
    return result if len(result) == len(items) else refuse()


def number(text):
    value = float(text)
    return bits(value) if math.isfinite(value) else refuse()


def bits(value):
    return "f64:%016x" % struct.unpack("<Q", struct.pack("<d", value))


def whole(text):
    value = int(text)
    return value if -(2**63) <= value < 2**63 else number(text)


def meaning(data):
    try:
        text = data.decode("utf-8")
        if text.startswith("\ufeff"):
            refuse()
        value = json.loads(
            text, object_pairs_hook=pairs, parse_constant=refuse, parse_float=number, parse_int=whole
        )
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return None


WRITTEN = [
    b"", b" ", b"null", b"true", b"false", b"nul", b"truex", b"[]", b"{}", b" [ ] ", b"[1,]", b"[,1]", b"[1 2]",
    b"{\"a\":1,}", b"{\"a\" 1}", b"{a:1}", b"{\"a\":1,\"a\":2}", b"{\"a\":1,\"\\u0061\":2}", b"[1", b"{\"a\":", b"]",
    b"0", b"-0", b"-0.0", b"00", b"01", b"-", b"+1", b"1.", b".5", b"1.e3", b"1e", b"1e+", b"0e0", b"1E-7", b"1e400",
    b"-1e400", b"1e-400", b"0e999999999999", b"1e22", b"1e23", b"123456789012345e22", b"0.1", b"0.30000000000000004",
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"-9223372036854775809",
    b"18446744073709551616", b"123456789012345678901234567890", b"2.2250738585072011e-308", b"4.9e-324",
    b"1.7976931348623157e308", b"0.000000000000000000000000000001", b"NaN", b"Infinity", b"-Infinity", b"0x10",
    b"\"", b"\"abc", b"\"\\\"", b"\"\\x41\"", b"\"\\u12\"", b"\"\\u12G4\"", b"\"\\ud83d\\ude00\"", b"\"\\ud83d\"",
    b"\"\\ude00\"", b"\"\\ud83d\\u0041\"", b"\"\\ud83dx\"", b"\"\\u0000\"", b"\"a\x00b\"", b"\"tab\tin\"", b"\"\n\"",
    b"\"\\b\\f\\n\\r\\t\\/\\\\\\\"\"", b"\"\xff\"", b"\"\xc0\x80\"", b"\"\xed\xa0\x80\"", b"\"\xf4\x90\x80\x80\"",
    b"\"\xe2\x82\"", b"\xef\xbb\xbf[]", "\"é\"".encode(), "\"e\u0301\"".encode(), "\"😀👩‍👩‍👧\"".encode(),
    "{\"é\":1,\"e\u0301\":2}".encode(), b"\xa0[]", b"[]\x00", b"[] x", b"// c\n[]", b"[1]\n\r\t ", b"'a'",
    b"\"\x7f\"", "\"\u2028\u2029\"".encode(), b"\"12345678\\n12345678\x1f\"", b"{\"\":{\"\":[{}]}}",
]


def random_value(rng, depth):
    kind = rng.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.randrange(-(10 ** rng.randrange(1, 19)), 10 ** rng.randrange(1, 19))
    if kind == 2:
        return struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64) & ~(1 << 62)))[0]
    if kind == 3:
        return round(rng.uniform(-1000, 1000), rng.randrange(6))
    if kind <= 5:
        return random_text(rng)
    if kind == 6:
        return {random_text(rng): random_value(rng, depth + 1) for _ in range(rng.randrange(14))}
    return [random_value(rng, depth + 1) for _ in range(rng.randrange(6))]


def random_text(rng):
    alphabet = 'abc"\\/\n\t\x01\x7f é\u0301ßЖ日本\u2028😀\U0010ffff'
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(12)))


def main():
    rng = random.Random(20)
    cases = list(WRITTEN)
    for index in range(120):
        value = random_value(rng, 0)
        text = json.dumps(value, ensure_ascii=index % 2 == 0, indent=index % 3 or None).encode("utf-8")[:2000]
        cases.append(text)
        for _ in range(3):  # one to three bytes changed, removed or added
            broken = bytearray(text)
            for _ in range(rng.randrange(1, 4)):
                at = rng.randrange(len(broken) + 1)
                byte = rng.choice(b'"\\{}[],:-.eE0123456789tfn \n\xc3\xff\x00')
                broken[at : at + rng.randrange(2)] = bytes([byte] * rng.randrange(2))
            if len(broken) < 400:
                cases.append(bytes(broken))
    lines = []
    for case in cases:
        result = meaning(case)
        lines.append(f"{case.hex()} {'refused' if result is None else result.hex()}")
    (HERE / "cases.txt").write_text("\n".join(lines) + "\n")


main()
