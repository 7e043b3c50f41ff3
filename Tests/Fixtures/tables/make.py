# SPDX-License-Identifier: Apache-2.0
"""What Python's csv and decimal modules make of texts: csv.json and decimal.json.

    python Tests/Fixtures/tables/make.py
"""

import csv
import io
import json
import random
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from pathlib import Path

folder = Path(__file__).parent
draw = random.Random(17)


def rows(text, delimiter):
    """Rows below the first, each with the line it begins at (from 1); the last may be an error."""
    found, line = [], 1
    # As the csv module's documentation has files opened, so that it sees line ends itself.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return found[1:]
        except csv.Error:
            return found[1:] + [{"line": line, "error": True}]
        if row:
            found.append({"line": line, "cells": row})
        line = reader.line_num + 1


def text(delimiter):
    """Rows of two or three cells, some of them odd."""
    pieces = ["a", "7", " ", '"', '""', delimiter, "\n", "\r\n", "\r", "é", "😀", ";", "'"]
    weights = [6, 4, 2, 3, 2, 5, 3, 1, 1, 1, 1, 1, 1]
    body = "".join(draw.choices(pieces, weights, k=draw.randrange(1, 24)))
    return f"x{delimiter}y\n{body}"


def quoted(delimiter):
    """Rows as writers make them."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=draw.choice(["\n", "\r\n", "\r"]),
                        quoting=draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer.writerow(["x", "y"])
    for _ in range(draw.randrange(1, 5)):
        writer.writerow(["".join(draw.choices(['a', '"', delimiter, "\n", "\r\n", "é", " "], k=draw.randrange(6)))
                         for _ in range(2)])
    return out.getvalue()


cases = []
for make, count in [(text, 400), (quoted, 100)]:
    for _ in range(count):
        delimiter = draw.choice([",", "\t"])
        content = make(delimiter)
        cases.append({"name": "t.tsv" if delimiter == "\t" else "t.csv", "text": content, "rows": rows(content, delimiter)})
(folder / "csv.json").write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")) + "\n")

getcontext().prec = 1000
getcontext().rounding = ROUND_HALF_EVEN
numbers = ["0", "-0", "7", "007", "-7", "+7", "3.5", "2.675", "2.665", "-2.5", "0.5", "1.5", "9.995", "99.95", "999.5",
           ".5", "5.", "1e3", "1.25E-2", "-1.5e+2", "12345678901234567890.125", "0.000", "-0.004", "1e-7"]
numbers += [f"{draw.choice(['', '-'])}{draw.randrange(10 ** draw.randrange(1, 6))}.{draw.randrange(10 ** 4):04}" for _ in range(60)]
forms = ["05", ".0f", ".1f", ".2f", "07.2f", "010.3f", "08", "03"]
written = []
for number in numbers:
    for form in forms:
        # z: zero has no sign. Without decimals the digits stay as they are, an exponent written out.
        value = Decimal(number)
        if form.endswith("f"):
            result = format(value, "z" + form)
        else:
            result = format(abs(value) if value == 0 else value, "f").zfill(int(form))
        written.append([number, form, result])
(folder / "decimal.json").write_text(json.dumps(written, separators=(",", ":")) + "\n")
