# SPDX-License-Identifier: Apache-2.0
"""Writes small wheels that look like torch's builds for CPU and CUDA and CUDA's libraries, for libtorch_test.sh.

    python3 make_wheels.py FOLDER

The folder gets `cuda/` and `cpu/`, each laid out as a simple index. The libraries are real shared objects that need each
other as torch's do, so that the loader finds or misses them.
"""

import pathlib
import subprocess
import sys
import zipfile

root = pathlib.Path(sys.argv[1])


def compiled(name, needs=(), rpath="$ORIGIN"):
    """A shared object of this name that needs others, whether they are there or not."""
    folder = root / "objects"
    folder.mkdir(parents=True, exist_ok=True)

    def link(out, *arguments):
        command = ["cc", "-shared", "-nostdlib", "-x", "c", "/dev/null", "-o", folder / out, f"-Wl,-soname,{out}"]
        subprocess.run([*command, "-Wl,--no-as-needed", "-Wl,--disable-new-dtags", f"-Wl,-rpath,{rpath}", *arguments], check=True)

    for need in needs:
        if not (folder / need).exists():
            link(need)
    link(name, f"-L{folder}", *(f"-l:{need}" for need in needs))
    return (folder / name).read_bytes()


def wheel(index, name, version, files=(), requires=(), extras=()):
    folder = root / index / "simple" / name
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {line}" for line in requires]
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for path, content in files:
            archive.writestr(path, content)
        archive.writestr(f"{stem}.dist-info/METADATA", "\n".join(metadata) + "\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")


def header(version):
    parts = zip(("MAJOR", "MINOR", "PATCH"), version.split("."))
    return "".join(f"#define TORCH_VERSION_{name} {part}\n" for name, part in parts)


def torch(index, version, cuda):
    public = version.split("+")[0]
    needs = ["libcudart.so.13", "libcupti.so.13"] if cuda else []
    rpath = "$ORIGIN/../../nvidia/cu13/lib:$ORIGIN" if cuda else "$ORIGIN"
    files = [
        ("torch/__init__.py", ""), ("torch/include/torch/headeronly/version.h", header(public)),
        ("torch/lib/libc10.so", compiled("libc10.so")),
        ("torch/lib/libtorch_cpu.so", compiled("libtorch_cpu.so", ["libc10.so", *needs], rpath)),
    ]
    requires = ["sympy>=1.13.3"]
    if cuda:
        files.append(("torch/lib/libtorch_cuda.so", compiled("libtorch_cuda.so")))
        requires += [
            'cuda-toolkit[cublas,cudart,cupti]==13.0.2; platform_system == "Linux"',
            'nvidia-cudnn-cu13==9.20.0.48; platform_system == "Linux"',
            'nvidia-cuda-nvrtc==1; extra == "never"',
        ]
    wheel(index, "torch", version, files, requires)


torch("cpu", "2.13.0+cpu", cuda=False)
torch("cuda", "2.13.0", cuda=True)
torch("cuda", "2.15.0", cuda=True)
libraries = {"cuda-runtime": "libcudart.so.13", "cuda-cupti": "libcupti.so.13", "cublas": "libcublas.so.13"}
for name, library in libraries.items():
    wheel("cuda", f"nvidia-{name}", "13.0.1", [(f"nvidia/cu13/lib/{library}", compiled(library))])
wheel("cuda", "nvidia-cudnn-cu13", "9.20.0.48", [("nvidia/cudnn/lib/libcudnn.so.9", compiled("libcudnn.so.9"))])
extras = {"cudart": "cuda-runtime", "cupti": "cuda-cupti", "cublas": "cublas"}
wheel("cuda", "cuda-toolkit", "13.0.2", extras=extras,
      requires=[f'nvidia-{name}==13.0.*; extra == "{extra}"' for extra, name in extras.items()])
for version in ("2.9.1", "2.11.3"):
    folder = root / version / "torch"
    for path, content in [("lib/libtorch_cpu.so", compiled("libtorch_cpu.so")), ("include/torch/version.h", header(version).encode()),
                          ("__init__.py", b"")]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
