// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// How the patches of a batch's images see each other.
struct QwenVisionView {
  /// Angles of rows and columns, float32 `[P, D/2]`.
  let angles: (cos: Tensor, sin: Tensor)
  /// All patches of an image.
  let whole: SegmentAttention
  /// Those of a window; nil where there are none.
  let windowed: SegmentAttention?

  init(_ layout: PatchLayout, _ c: QwenVisionConfiguration, device: Device) {
    angles = layout.angles(width: c.hiddenSize / c.heads, theta: c.theta, device: device)
    whole = SegmentAttention(layout.images, device: device)
    windowed = c.windowSquares.map { SegmentAttention(layout.windows(squares: $0), device: device) }
  }
}

/// Patches, each shown as often as a patch spans images of a video, through one matrix.
final class PatchProjection: Module {
  @Parameter("proj.weight") private var kernel: Tensor  // [W, 3, F, p, p]
  @OptionalParameter("proj.bias") private var bias: Tensor?  // [W]
  private let frames: Int

  init(_ c: QwenVisionConfiguration, bias hasBias: Bool) {
    frames = c.frames
    super.init()
    kernel = .empty([c.hiddenSize, 3, c.frames, c.patchSize, c.patchSize], device: .meta)
    if hasBias { bias = .empty([c.hiddenSize], device: .meta) }
  }

  /// `[P, 3, p, p]` → `[P, W]`.
  func callAsFunction(_ patches: Tensor) -> Tensor {
    let (count, side) = (patches.size(0), patches.size(3))
    let shown = patches.to(kernel.dtype).unsqueeze(2).expand([count, 3, frames, side, side])
    return shown.reshape([count, 3 * frames * side * side]).linear(kernel.flatten(1, -1), bias)
  }

  /// Randomly initialised values, as large as those of a matrix.
  override func initialiseTables(generator: Generator, dtype: DType, device: Device) {
    let inputs = Double(kernel.shape.dropFirst().reduce(1, *))
    noGrad {
      kernel = .empty(kernel.shape, dtype: dtype, device: device)
        .normal_(std: 1 / inputs.squareRoot(), generator: generator)
      if let bias { self.bias = .zeros(bias.shape, dtype: dtype, device: device) }
    }
  }
}

/// Attention with queries and keys that are rotated by row and column.
final class QwenVisionAttention: Module {
  @Child("qkv") private var inputs: Linear
  @Child("proj") private var output: Linear
  private let heads: Int

  init(_ c: QwenVisionConfiguration) {
    heads = c.heads
    super.init()
    inputs = Linear(c.hiddenSize, 3 * c.hiddenSize, device: .meta)
    output = Linear(c.hiddenSize, c.hiddenSize, device: .meta)
  }

  /// `[P, W]` → the same.
  func callAsFunction(_ x: Tensor, _ view: QwenVisionView, in segments: SegmentAttention) -> Tensor {
    let parts = inputs(x).view([x.size(0), 3, heads, -1])
    // In float32 whatever the type, as transformers does.
    func turning(_ index: Int) -> Tensor { parts.select(1, index).to(.float32).contiguous().unsqueeze(0) }
    let turned = rotated(query: turning(0), key: turning(1), cosine: view.angles.cos, sine: view.angles.sin)
    return output(
      segments(
        query: turned.query.squeeze(0).to(x.dtype), key: turned.key.squeeze(0).to(x.dtype), value: parts.select(1, 2)))
  }
}

/// W₂ activation(W₁ x + b₁) + b₂, under Qwen3-VL's names.
final class QwenVisionMLP: Module {
  @Child("linear_fc1") private var inner: Linear
  @Child("linear_fc2") private var outer: Linear
  private let activation: Activation

  init(_ inputs: Int, _ middle: Int, _ outputs: Int, _ activation: Activation) {
    self.activation = activation
    super.init()
    inner = Linear(inputs, middle, device: .meta)
    outer = Linear(middle, outputs, device: .meta)
  }

  /// `[…, inputs]` → `[…, outputs]`.
  func callAsFunction(_ x: Tensor) -> Tensor { outer(activation(inner(x))) }
}
