# SPDX-License-Identifier: Apache-2.0
"""Pictures and arrays as Pillow and NumPy write them, and what they read back.

    python Tests/Fixtures/images/make_files.py                 # writes the fixtures beside this file
    python Tests/Fixtures/images/make_files.py check FOLDER     # reads what the Swift tests wrote (DIST2_KEEP=FOLDER)

Made with Pillow 13.0.0, numpy 2.4.6. The pixels expected are Pillow's, but for transparency and 16 bits, for which
`expected` below says the rule.
"""
import gzip
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
random = np.random.default_rng(7)


def picture(height, width, channels):
    """Smooth with some noise, so that JPEG keeps most of it."""
    y, x = np.mgrid[:height, :width]
    planes = [128 + 60 * np.sin(x / (5 + c)) + 50 * np.cos(y / (4 + c)) for c in range(channels)]
    noisy = np.stack(planes, -1) + random.normal(0, 6, (height, width, channels))
    return noisy.clip(0, 255).astype(np.uint8)


def over_white(pixels):
    """(c a + 255 (255 - a)) / 255, rounded, of the last channel's alpha."""
    c, a = pixels[..., :-1].astype(int), pixels[..., -1:].astype(int)
    return ((c * a + 255 * (255 - a) + 127) // 255).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png16(values, color):
    """A 16-bit PNG, which Pillow writes for gray alone."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pictures():
    expected = {}

    def add(name, data, pixels):
        (HERE / name).write_bytes(data)
        pixels = pixels if pixels.ndim == 3 else pixels[..., None]
        expected[name] = {"shape": list(pixels.shape), "pixels": pixels.reshape(-1).tolist()}

    def encoded(image, form, **options):
        buffer = io.BytesIO()
        image.save(buffer, form, **options)
        return buffer.getvalue()

    gray, rgb = picture(13, 17, 1)[..., 0], picture(13, 17, 3)
    alpha = random.integers(0, 256, (13, 17, 1), dtype=np.uint8)
    rgba, ga = np.concatenate([rgb, alpha], -1), np.stack([gray, alpha[..., 0]], -1)
    add("gray.png", encoded(Image.fromarray(gray), "PNG"), gray)
    add("rgb.png", encoded(Image.fromarray(rgb), "PNG"), rgb)
    add("rgba.png", encoded(Image.fromarray(rgba), "PNG"), over_white(rgba))
    add("ga.png", encoded(Image.fromarray(ga, "LA"), "PNG"), over_white(ga))
    palette = Image.fromarray(rgb).quantize(16)
    add("palette.png", encoded(palette, "PNG"), np.asarray(palette.convert("RGB")))
    bits = Image.fromarray(gray).convert("1")
    add("bits.png", encoded(bits, "PNG"), np.asarray(bits.convert("L")))
    add("one.png", encoded(Image.fromarray(rgb[:1, :1]), "PNG"), rgb[:1, :1])
    wide = random.integers(0, 65536, (5, 6, 3))
    add("rgb16.png", png16(wide, 2), np.rint(wide / 257).astype(np.uint8))
    add("gray16.png", png16(wide[..., :1], 0), np.rint(wide[..., :1] / 257).astype(np.uint8))
    for name, image, options in [
        ("gray.jpg", Image.fromarray(gray), {}),
        ("rgb444.jpg", Image.fromarray(rgb), {"subsampling": 0, "quality": 90}),
        ("rgb420.jpg", Image.fromarray(rgb), {"subsampling": 2, "quality": 75}),
        ("progressive.jpg", Image.fromarray(rgb), {"progressive": True}),
        ("one.jpg", Image.fromarray(rgb[:1, :1]), {}),
    ]:
        data = encoded(image, "JPEG", **options)
        add(name, data, np.asarray(Image.open(io.BytesIO(data))))
    (HERE / "cmyk.jpg").write_bytes(encoded(Image.fromarray(rgb).convert("CMYK"), "JPEG"))
    # 20,000 x 20,000 pixels that take a few kilobytes: only the header is ever believed.
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    (HERE / "huge.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 60_001)) + chunk(b"IEND", b""))
    luma = np.asarray(Image.fromarray(rgb).convert("L"))
    expected["luma of rgb.png"] = {"shape": [13, 17, 1], "pixels": luma.reshape(-1).tolist()}
    (HERE / "expected.json").write_text(json.dumps(expected) + "\n")


def arrays():
    codes = random.integers(0, 16_384, (1, 3, 256))
    np.save(HERE / "codes64.npy", codes)
    np.save(HERE / "codes32.npy", codes.astype(np.int32))
    np.save(HERE / "fortran.npy", np.asfortranarray(codes[0]))
    np.save(HERE / "big.npy", codes.astype(">i4"))
    np.save(HERE / "floats.npy", random.normal(size=(4, 5)))
    np.save(HERE / "records.npy", np.zeros(2, dtype=[("a", "<i4"), ("b", "<f8")]))
    np.lib.format.write_array(open(HERE / "version2.npy", "wb"), codes, version=(2, 0))
    images = random.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    np.savez(HERE / "stored.npz", images, labels=np.arange(5))
    np.savez_compressed(HERE / "deflated.npz", arr_0=images, mu=np.linspace(0, 1, 7))
    idx = random.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    header = struct.pack(">BBBB", 0, 0, 8, 3) + struct.pack(">III", *idx.shape)
    (HERE / "images-idx3-ubyte").write_bytes(header + idx.tobytes())
    (HERE / "images-idx3-ubyte.gz").write_bytes(gzip.compress(header + idx.tobytes(), mtime=0))
    (HERE / "arrays.json").write_text(
        json.dumps({"codes": codes.reshape(-1).tolist(), "images": images.reshape(-1).tolist(), "idx": idx.reshape(-1).tolist(),
                    "floats": np.load(HERE / "floats.npy").reshape(-1).tolist()}) + "\n")


def check(folder):
    """Every file the tests wrote means to NumPy and Pillow what it meant to Swift."""
    folder = Path(folder)
    expected = json.loads((folder / "written.json").read_text())
    with np.load(folder / "written.npz") as archive:
        assert archive["arr_0"].dtype == np.uint8
        assert archive["arr_0"].shape == tuple(expected["shape"])
        assert archive["arr_0"].reshape(-1).tolist() == expected["images"]
        assert archive["labels"].dtype == np.int64 and archive["labels"].tolist() == expected["labels"]
    assert np.load(folder / "written.npy").tolist() == expected["labels"]
    count, height, width, channels = expected["shape"]
    for index in range(count):
        pixels = np.asarray(Image.open(folder / "pictures" / f"{index:06d}.png"))
        size = height * width * channels
        assert pixels.reshape(-1).tolist() == expected["images"][index * size:(index + 1) * size]
    print("all as expected")


if __name__ == "__main__":
    if sys.argv[1:2] == ["check"]:
        check(sys.argv[2])
    else:
        pictures()
        arrays()
