// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// ε of every normalisation.
private let epsilon = 1e-6

/// A step that keeps an image's sides: `[B, C, H, W]` → `[B, C′, H, W]`.
class VQBlock: Module {
  func callAsFunction(_ x: Tensor) -> Tensor { fatalError("a block without a body") }
}

/// shortcut(x) + conv₂(swish(norm₂(conv₁(swish(norm₁(x)))))); the shortcut is x itself where the channels stay.
final class VQResidualBlock: VQBlock {
  @Child("norm1") private var firstNorm: GroupNorm
  @Child("conv1") private var first: Convolution
  @Child("norm2") private var secondNorm: GroupNorm
  @Child("conv2") private var second: Convolution
  @OptionalChild("nin_shortcut") private var shortcut: Convolution?

  init(_ input: Int, _ output: Int, groups: Int) {
    super.init()
    firstNorm = GroupNorm(input, groups: groups, epsilon: epsilon, device: .meta)
    first = Convolution(input, output, kernel: 3, device: .meta)
    secondNorm = GroupNorm(output, groups: groups, epsilon: epsilon, device: .meta)
    second = Convolution(output, output, kernel: 3, device: .meta)
    if input != output { shortcut = Convolution(input, output, kernel: 1, device: .meta) }
  }

  override func callAsFunction(_ x: Tensor) -> Tensor {
    let h = second(secondNorm(first(firstNorm(x).silu())).silu())
    return (shortcut.map { $0(x) } ?? x) + h
  }
}

/// x + W_o softmax(Q Kᵀ/√C) V over all pixels of the normalised image, one head.
final class VQAttention: VQBlock {
  @Child("norm") private var norm: GroupNorm
  @Child("q") private var query: Convolution
  @Child("k") private var key: Convolution
  @Child("v") private var value: Convolution
  @Child("proj_out") private var output: Convolution

  init(_ channels: Int, groups: Int) {
    super.init()
    norm = GroupNorm(channels, groups: groups, epsilon: epsilon, device: .meta)
    query = Convolution(channels, channels, kernel: 1, device: .meta)
    key = Convolution(channels, channels, kernel: 1, device: .meta)
    value = Convolution(channels, channels, kernel: 1, device: .meta)
    output = Convolution(channels, channels, kernel: 1, device: .meta)
  }

  override func callAsFunction(_ x: Tensor) -> Tensor {
    let h = norm(x)
    // [B, 1, H·W, C] each
    let parts = [query, key, value].map { $0(h).flatten(2, 3).transpose(1, 2).unsqueeze(1) }
    let mixed = scaledDotProductAttention(parts[0], parts[1], parts[2])
    return x + output(mixed.squeeze(1).transpose(1, 2).reshape(x.shape))
  }
}

/// Changes the sides: its convolution is stored as `conv`.
final class VQResampling: Module {
  enum Direction { case half, double }
  @Child("conv") private var convolution: Convolution
  private let direction: Direction

  init(_ channels: Int, _ direction: Direction) {
    self.direction = direction
    super.init()
    let isHalf = direction == .half
    convolution = Convolution(
      channels, channels, kernel: 3, stride: isHalf ? 2 : 1, padding: isHalf ? 0 : 1, device: .meta)
  }

  /// `[B, C, H, W]` → `[B, C, H/2, W/2]`, padded with zeros right and below alone; or → `[B, C, 2H, 2W]`, every pixel
  /// four times and then smoothed.
  func callAsFunction(_ x: Tensor) -> Tensor {
    switch direction {
    case .half: convolution(x.padded([0, 1, 0, 1]))
    case .double: convolution(x.upsampledNearest(to: [2 * x.size(2), 2 * x.size(3)]))
    }
  }
}

/// Residual blocks of one level, at the smallest sides with attention after each, and the way to the next level.
final class VQLevel: Module {
  @Children("res") private var blocks: [VQResidualBlock]
  @Children("attn") private var attentions: [VQAttention]
  @OptionalChild("downsample") private var downsample: VQResampling?
  @OptionalChild("upsample") private var upsample: VQResampling?

  init(
    _ input: Int, _ output: Int, blocks count: Int, attends: Bool, then direction: VQResampling.Direction?, groups: Int
  ) {
    super.init()
    blocks = (0..<count).map { VQResidualBlock($0 == 0 ? input : output, output, groups: groups) }
    if attends { attentions = (0..<count).map { _ in VQAttention(output, groups: groups) } }
    switch direction {
    case .half: downsample = VQResampling(output, .half)
    case .double: upsample = VQResampling(output, .double)
    case nil: break
    }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var h = x
    for (index, block) in blocks.enumerated() {
      h = block(h)
      if !attentions.isEmpty { h = attentions[index](h) }
    }
    return (downsample ?? upsample).map { $0(h) } ?? h
  }
}

/// Images `[B, C, H, W]` → `[B, Z, h, w]`.
final class VQEncoder: Module {
  @Child("conv_in") private var first: Convolution
  @Children("conv_blocks") private var levels: [VQLevel]
  @Children("mid") private var middle: [VQBlock]
  @Child("norm_out") private var norm: GroupNorm
  @Child("conv_out") private var last: Convolution

  init(_ c: VQConfiguration) {
    super.init()
    let widths = [c.channels] + c.levels, end = c.levels.count - 1
    first = Convolution(c.imageChannels, c.channels, kernel: 3, device: .meta)
    levels = c.levels.indices.map { level in
      VQLevel(
        widths[level], widths[level + 1], blocks: c.residualBlocks, attends: level == end,
        then: level == end ? nil : .half, groups: c.normGroups)
    }
    middle = makeMiddle(widths[end + 1], groups: c.normGroups)
    norm = GroupNorm(widths[end + 1], groups: c.normGroups, epsilon: epsilon, device: .meta)
    last = Convolution(widths[end + 1], c.latentChannels, kernel: 3, device: .meta)
  }

  func callAsFunction(_ images: Tensor) -> Tensor {
    let h = levels.reduce(first(images)) { $1($0) }
    return last(norm(middle.reduce(h) { $1($0) }).silu())
  }
}

/// `[B, Z, h, w]` → images `[B, C, H, W]`. Levels are stored from the smallest sides to the largest.
final class VQDecoder: Module {
  @Child("conv_in") private var first: Convolution
  @Children("mid") private var middle: [VQBlock]
  @Children("conv_blocks") private var levels: [VQLevel]
  @Child("norm_out") private var norm: GroupNorm
  @Child("conv_out") private var last: Convolution

  init(_ c: VQConfiguration) {
    super.init()
    let widths = Array(c.levels.reversed()), end = widths.count - 1
    first = Convolution(c.latentChannels, widths[0], kernel: 3, device: .meta)
    middle = makeMiddle(widths[0], groups: c.normGroups)
    levels = widths.indices.map { level in
      VQLevel(
        widths[max(level - 1, 0)], widths[level], blocks: c.residualBlocks + 1, attends: level == 0,
        then: level == end ? nil : .double, groups: c.normGroups)
    }
    norm = GroupNorm(widths[end], groups: c.normGroups, epsilon: epsilon, device: .meta)
    last = Convolution(widths[end], c.imageChannels, kernel: 3, device: .meta)
  }

  func callAsFunction(_ latents: Tensor) -> Tensor {
    let h = levels.reduce(middle.reduce(first(latents)) { $1($0) }) { $1($0) }
    return last(norm(h).silu())
  }
}

private func makeMiddle(_ channels: Int, groups: Int) -> [VQBlock] {
  [
    VQResidualBlock(channels, channels, groups: groups), VQAttention(channels, groups: groups),
    VQResidualBlock(channels, channels, groups: groups),
  ]
}
