// SPDX-License-Identifier: Apache-2.0
import Files
public import Torch
public import TorchNN

/// EfficientNet-lite0 (Tan and Le 2019, without squeeze and excitation, with ReLU6): 1,280 features of RGB images,
/// 1,000 classes of ImageNet.
///
/// Reads the tensor names of the PyTorch ports (`_blocks.3._depthwise_conv.weight`, `_blocks.3._bn1.bias`). Images of
/// any size are scaled to 224 x 224 (bilinear, antialiased) and normalised by ImageNet's mean and spread.
public final class EfficientNetLite0: Module, ImageFeatures, StoredImageFeatures {
  static let modelType = "efficientnet-lite0"
  /// Rows and columns that images are scaled to.
  public static let side = 224
  private static let mean = [0.485, 0.456, 0.406], spread = [0.229, 0.224, 0.225]

  @Child("stem") private var stem: ConvolutionUnit
  @Children("blocks") private var blocks: [InvertedBottleneck]
  @Child("head") private var last: ConvolutionUnit
  @Child("classes") private var classes: Linear

  /// A stage: repeats, kernel size, stride of its first block, expansion, output channels (Tan and Le 2019, table 1).
  private static let stages = [
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
  ]

  init(config: JSONReader) throws(InputError) {
    super.init()
    var (width, made) = (32, [InvertedBottleneck]())
    stem = ConvolutionUnit(3, width, (3, 3), stride: 2, padding: .same)
    for (repeats, size, stride, expansion, output) in Self.stages {
      for index in 0..<repeats {
        made.append(
          InvertedBottleneck(width, output, size: size, stride: index == 0 ? stride : 1, expansion: expansion))
        width = output
      }
    }
    blocks = made
    last = ConvolutionUnit(width, 1280, (1, 1))
    classes = Linear(1280, 1000, device: .meta)
  }

  /// What figures are labelled with.
  public var name: String { "EfficientNet-lite0 (ImageNet)" }
  /// Whether figures are those of the literature: only with FID's own weights.
  public var isReferenceInception: Bool { false }
  /// Channels of the images that it reads.
  public var channels: Int { 3 }
  /// Height and width that images are brought to; nil: any.
  public var fixedSize: (height: Int, width: Int)? { nil }
  /// Features of an image.
  public var featureCount: Int { 1280 }

  /// What the network sees in images, uint8 `[N, H, W, C]`.
  public func features(of images: Tensor) -> ImageFeatureBatch {
    noGrad {
      let scaled = planes(images).resizeBilinear(height: Self.side, width: Self.side) / 255
      return outputs(
        of: (scaled - Tensor(Self.mean.map(Float.init), shape: [1, 3, 1, 1]))
          / Tensor(Self.spread.map(Float.init), shape: [1, 3, 1, 1]))
    }
  }

  /// The network itself on normalised images `[N, 3, 224, 224]`.
  package func outputs(of x: Tensor) -> ImageFeatureBatch {
    var x = stem(x).clamp(0, 6)
    for block in blocks { x = block(x) }
    let pooled = last(x).clamp(0, 6).mean(2, 3)
    return ImageFeatureBatch(pooled: pooled, logProbabilities: classes(pooled).logSoftmax(1))
  }

  static func parameterName(_ tensor: String) -> String? {
    if tensor.hasSuffix(".num_batches_tracked") { return nil }
    let parts = tensor.split(separator: ".").map(String.init)
    switch parts.first {
    case "_fc": return "classes." + parts.dropFirst().joined(separator: ".")
    case "_blocks" where parts.count == 4:
      // A block's convolutions, and the normalisations that follow them.
      let units = ["expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"]
      for (unit, norm) in units {
        if parts[2] == "_\(unit)_conv" { return "blocks.\(parts[1]).\(unit).conv.\(parts[3])" }
        if parts[2] == norm { return "blocks.\(parts[1]).\(unit).bn.\(parts[3])" }
      }
      return tensor
    case "_conv_stem": return "stem.conv.weight"
    case "_conv_head": return "head.conv.weight"
    case "_bn0" where parts.count == 2: return "stem.bn." + parts[1]
    case "_bn1" where parts.count == 2: return "head.bn." + parts[1]
    default: return tensor
    }
  }

  func describe(_ metadata: [String: String]) {}
}

/// 1 x 1 convolution to more channels, one in each channel, 1 x 1 to fewer (Sandler et al. 2018).
private final class InvertedBottleneck: Module {
  @Child("depthwise") private var depthwise: ConvolutionUnit
  @Child("project") private var project: ConvolutionUnit
  @Child("expand") private var expand: ConvolutionUnit
  private let expands: Bool, isResidual: Bool

  init(_ input: Int, _ output: Int, size: Int, stride: Int, expansion: Int) {
    (expands, isResidual) = (expansion > 1, stride == 1 && input == output)
    super.init()
    let inner = input * expansion
    if expands { expand = ConvolutionUnit(input, inner, (1, 1)) }
    depthwise = ConvolutionUnit(inner, inner, (size, size), stride: stride, groups: inner, padding: .same)
    project = ConvolutionUnit(inner, output, (1, 1))
  }

  /// `[B, I, H, W]` → `[B, O, H′, W′]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let inner = depthwise(expands ? expand(x).clamp(0, 6) : x).clamp(0, 6)
    let y = project(inner)
    return isResidual ? x + y : y
  }
}
