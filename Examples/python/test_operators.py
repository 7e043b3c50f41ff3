# SPDX-License-Identifier: Apache-2.0
"""dist2's operators in PyTorch, called by name: python test_operators.py

Gradients in float64 against finite differences, torch's own checks of an operator (schema, autograd registration, fake
tensors, AOT dispatch), kernels against the composition that runs on CUDA, torch.compile, and loading twice.
"""

import ctypes
import os
import pathlib
import shutil
import tempfile
import warnings

import torch

from dist2_loss import load

library = load()
ops = torch.ops.dist2
native = ctypes.CDLL(library)
native.ct_set_kernel_level.argtypes = [ctypes.c_char_p]


def composed(call):
    """What call gives by ATen's operators, as on CUDA."""
    native.ct_set_kernel_level(b"plain")
    try:
        return call()
    finally:
        native.ct_set_kernel_level(b"best")


def ids(*values):
    return torch.tensor(values)


columns = dict(
    labels=ids(2, 0, -100, 6), candidates=[ids(1, 2, 4), ids(0, 3)], logit_rows=[ids(0, 2, 2), ids(3)],
    weights=[torch.tensor([0.5, 1, 2]).double(), torch.tensor([1.0]).double()], targets=[ids(0, 1, 1), ids(0)],
    p=[torch.tensor([[0.2, 0.3, 0.5], [1, 0, 0]]).double(), torch.tensor([[0.5, 0.25, 0.25]]).double()],
    coefficients=[0.3, -0.2], scale=0.25, label_smoothing=0.1, over_vocabulary=[True, False],
    contrastive_tokens=[None, ids(6)], contrastive_rows=[None, ids(1)],
)
angle = torch.arange(6.0).view(3, 2)
cases = {
    "rms_norm": ([(2, 3, 5), (5,)], lambda x, w: ops.rms_norm(x, w, 1e-5)),
    "add_rms_norm": ([(3, 5), (3, 5), (5,)], lambda x, r, w: ops.add_rms_norm(x, r, w, 1e-5)),
    "rotate": ([(2, 3, 2, 6), (2, 3, 1, 6)], lambda q, k: ops.rotate(q, k, angle.cos().to(q), angle.sin().to(q))),
    "swiglu": ([(4, 3), (4, 3)], lambda a, b: ops.swiglu(a, b)),
    "gated_linear": ([(4, 3), (4, 3), (2, 3)], ops.gated_linear),
    "linear": ([(4, 3), (2, 3), (2,)], ops.linear),
    "linears": ([(4, 3), (2, 3), (5, 3), (5,)], lambda x, v, w, b: ops.linears(x, [v, w], [None, b])),
    "embedding": ([(4, 3)], lambda w: ops.embedding(w, ids(1, 3, 1))),
    "cross_entropy_distance": (
        [(4, 7), (2, 7)], lambda z, c: ops.cross_entropy_distance(z, contrast=c, **columns)[0]),
    "linear_cross_entropy_distance": (
        [(4, 3), (7, 3), (7,), (2, 3)],
        lambda h, w, b, c: ops.linear_cross_entropy_distance(h, w, b, contrast=c, **columns)[0]),
}


def inputs(shapes, dtype, grad=True):
    torch.manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64).to(dtype).requires_grad_(grad) for shape in shapes]


def derived(call, x):
    """Outputs, and gradients under upstream gradients that differ from 1."""
    outputs = call(*x)
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
    total = sum((y * torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view(y.shape)).sum() for y in outputs)
    return [*outputs, *torch.autograd.grad(total, x)]


def check(name, shapes, call):
    assert torch.autograd.gradcheck(call, inputs(shapes, torch.float64)), name
    x = inputs(shapes, torch.float32)
    for a, b in zip(derived(call, x), composed(lambda: derived(call, x))):
        torch.testing.assert_close(a, b, rtol=2e-6, atol=2e-6)
    # torch.compile and torch.func see the composition.
    for a, b in zip(derived(torch.compile(call, backend="aot_eager"), x), derived(call, x)):
        torch.testing.assert_close(a, b, rtol=2e-6, atol=2e-6)
    with torch.inference_mode():
        y = call(*inputs(shapes, torch.float32, grad=False))
        torch.testing.assert_close(y, call(*[t.detach() for t in x]), rtol=0, atol=0)


def opcheck(op, *arguments, **named):
    # The composition, which is traced, rounds to float32 what kernels add up in float64.
    found = torch.library.opcheck(op, arguments, named, rtol=1e-6, atol=1e-6)
    assert set(found.values()) == {"SUCCESS"}, (op, found)


for name, (shapes, call) in cases.items():
    check(name, shapes, call)
    print(f"{name}: gradients, composition, compiled, inference")

x, w = inputs([(3, 6), (6,)], torch.float32)
opcheck(ops.rms_norm.default, x, w, 1e-5)
opcheck(ops.add_rms_norm.default, x, x.detach() + 1, w, 1e-5)
opcheck(ops.rotate.default, *inputs([(2, 3, 2, 6), (2, 3, 1, 6)], torch.float32), angle.cos(), angle.sin())
opcheck(ops.swiglu.default, x, x.detach() + 1)
opcheck(ops.swiglu.default, x)
opcheck(ops.gated_linear.default, x, x.detach() + 1, *inputs([(2, 6)], torch.float32))
opcheck(ops.linear.default, x, *inputs([(2, 6), (2,)], torch.float32))
opcheck(ops.linears.default, x, inputs([(2, 6), (3, 6)], torch.float32), [None, None])
opcheck(ops.embedding.default, *inputs([(4, 3)], torch.float32), ids(1, 3, 1))
opcheck(ops.cross_entropy_distance.default, *inputs([(4, 7)], torch.float32),
        contrast=inputs([(2, 7)], torch.float32)[0], **columns)
h, w, b, c = inputs([(4, 3), (7, 3), (7,), (2, 3)], torch.float32)
opcheck(ops.linear_cross_entropy_distance.default, h, w, b, contrast=c, **columns)
print("torch.library.opcheck: all of them")

# The same file is one library; a copy beside it finds the operators there and registers nothing.
load(library)
with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
    warnings.simplefilter("ignore")
    copy = shutil.copy(library, pathlib.Path(folder, "libcopy.so"))
    torch.ops.load_library(os.fspath(copy))
    check("rms_norm", *cases["rms_norm"])
print("loaded twice")
