// SPDX-License-Identifier: Apache-2.0
import Files
public import Torch
public import TorchNN

/// The Inception network of the Fréchet Inception Distance: the graph of 2015-12-05, 2,048 pooled features, 1,008
/// logits.
///
/// It differs from the Inception v3 of image classification: average pools leave padding out of the mean, the last
/// block pools by maximum, images are scaled to 299 x 299 by TensorFlow 1's bilinear rule (corners not aligned, no
/// half-pixel centres, no antialiasing) and mapped to (x − 128) / 128. Reads the tensor names of torch-fidelity and
/// pytorch-fid (`Mixed_5b.branch1x1.conv.weight`).
public final class FIDInception: Module, ImageFeatures, StoredImageFeatures {
  static let modelType = "fid-inception-v3"
  private static let side = 299
  private static let spatialChannels = 7

  @Child("Conv2d_1a_3x3") private var conv1a: ConvolutionUnit
  @Child("Conv2d_2a_3x3") private var conv2a: ConvolutionUnit
  @Child("Conv2d_2b_3x3") private var conv2b: ConvolutionUnit
  @Child("Conv2d_3b_1x1") private var conv3b: ConvolutionUnit
  @Child("Conv2d_4a_3x3") private var conv4a: ConvolutionUnit
  @Child("Mixed_5b") private var mixed5b: InceptionA
  @Child("Mixed_5c") private var mixed5c: InceptionA
  @Child("Mixed_5d") private var mixed5d: InceptionA
  @Child("Mixed_6a") private var mixed6a: InceptionB
  @Child("Mixed_6b") private var mixed6b: InceptionC
  @Child("Mixed_6c") private var mixed6c: InceptionC
  @Child("Mixed_6d") private var mixed6d: InceptionC
  @Child("Mixed_6e") private var mixed6e: InceptionC
  @Child("Mixed_7a") private var mixed7a: InceptionD
  @Child("Mixed_7b") private var mixed7b: InceptionE
  @Child("Mixed_7c") private var mixed7c: InceptionE
  @Child("fc") private var classes: Linear

  /// Whether figures are those of the literature: only with FID's own weights.
  public private(set) var isReferenceInception = false
  /// First digits of the SHA-256 of the published weights: part of the file's own name,
  /// `weights-inception-2015-12-05-6726825d.pth` at torch-fidelity, `pt_inception-2015-12-05-6726825d.pth` at
  /// pytorch-fid.
  private static let publishedHash = "6726825d"

  init(config: JSONReader) throws(InputError) {
    super.init()
    conv1a = ConvolutionUnit(3, 32, (3, 3), stride: 2)
    conv2a = ConvolutionUnit(32, 32, (3, 3))
    conv2b = ConvolutionUnit(32, 64, (3, 3), padding: .symmetric(height: 1, width: 1))
    conv3b = ConvolutionUnit(64, 80, (1, 1))
    conv4a = ConvolutionUnit(80, 192, (3, 3))
    mixed5b = InceptionA(192, pool: 32)
    mixed5c = InceptionA(256, pool: 64)
    mixed5d = InceptionA(288, pool: 64)
    mixed6a = InceptionB(288)
    mixed6b = InceptionC(768, inner: 128)
    mixed6c = InceptionC(768, inner: 160)
    mixed6d = InceptionC(768, inner: 160)
    mixed6e = InceptionC(768, inner: 192)
    mixed7a = InceptionD(768)
    mixed7b = InceptionE(1280, poolsByMaximum: false)
    mixed7c = InceptionE(2048, poolsByMaximum: true)
    classes = Linear(2048, 1008, device: .meta)
  }

  /// What figures are labelled with.
  public var name: String {
    isReferenceInception
      ? "FID's Inception v3 (2015-12-05)" : "FID's Inception v3, other weights than those of 2015-12-05"
  }
  /// Channels of the images that it reads.
  public var channels: Int { 3 }
  /// Height and width that images are brought to; nil: any.
  public var fixedSize: (height: Int, width: Int)? { nil }
  /// Features of an image.
  public var featureCount: Int { 2048 }

  /// What the network sees in images, uint8 `[N, H, W, C]`.
  public func features(of images: Tensor) -> ImageFeatureBatch {
    noGrad { outputs(of: (resizedLikeTensorFlow(planes(images), Self.side) - 128) / 128) }
  }

  /// The network itself on images `[N, 3, 299, 299]` of −1 … 1.
  ///
  /// The spatial features are those of sFID (Nash et al. 2021, as ADM's evaluator takes them): the first 7 channels of
  /// the first branch of Mixed_6d, 17 x 17 each. Class probabilities leave the bias out, as the Inception Score's first
  /// implementation does.
  private func outputs(of x: Tensor) -> ImageFeatureBatch {
    var x = conv2b.activated(conv2a.activated(conv1a.activated(x))).maxPool2d(3, stride: 2)
    x = conv4a.activated(conv3b.activated(x)).maxPool2d(3, stride: 2)
    x = mixed6a(mixed5d(mixed5c(mixed5b(x))))
    x = mixed6c(mixed6b(x))
    let spatial = mixed6d.firstBranch(x).narrow(1, 0, Self.spatialChannels).flatten(1).contiguous()
    x = mixed7a(mixed6e(mixed6d(x)))
    let pooled = mixed7c(mixed7b(x)).mean(2, 3)
    return ImageFeatureBatch(
      pooled: pooled, spatial: spatial, logProbabilities: pooled.matmul(classes.weight.transpose(0, 1)).logSoftmax(1))
  }

  static func parameterName(_ tensor: String) -> String? {
    tensor.hasSuffix(".num_batches_tracked") ? nil : tensor
  }

  func describe(_ metadata: [String: String]) {
    isReferenceInception = metadata["source_sha256"]?.hasPrefix(Self.publishedHash) == true
  }
}

/// `[N, C, H, W]` at `side` x `side` by TensorFlow 1's bilinear rule: place i reads at i · size / side, between the two
/// neighbours there.
func resizedLikeTensorFlow(_ x: Tensor, _ side: Int) -> Tensor {
  func along(_ dimension: Int, _ x: Tensor) -> Tensor {
    let size = x.size(dimension)
    let scale = Float(Double(size) / Double(side))
    let places = (0..<side).map { Float($0) * scale }
    let low = places.map { Int64($0) }
    let near = x.indexSelect(dimension, Tensor(low))
    let far = x.indexSelect(dimension, Tensor(low.map { min($0 + 1, Int64(size - 1)) }))
    let shape = dimension == 3 ? [1, 1, 1, side] : [1, 1, side, 1]
    return near + (far - near) * Tensor(zip(places, low).map { $0 - Float($1) }, shape: shape)
  }
  return along(2, along(3, x))
}
