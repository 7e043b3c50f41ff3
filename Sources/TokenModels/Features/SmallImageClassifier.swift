// SPDX-License-Identifier: Apache-2.0
import Files
public import Torch
public import TorchNN

/// A small classifier of gray 28 x 28 images, trained on the data set whose samples are to be judged.
///
/// Three convolutions (32, 64 and 128 channels, each followed by ReLU; the first two by pooling), a layer of 128
/// features, and the classes.
public final class SmallImageClassifier: Module, ImageFeatures, StoredImageFeatures {
  static let modelType = "small-image-classifier"
  /// Rows and columns of an image.
  public static let side = 28
  private static let spatialChannels = 16
  // The data's own mean and spread would do no better than these round numbers.
  private static let (offset, spread) = (128.0, 128.0)

  @Child("first") private var first: Convolution
  @Child("second") private var second: Convolution
  @Child("third") private var third: Convolution
  @Child("features") private var dense: Linear
  @Child("classes") private var head: Linear
  /// Number of classes K.
  public let classCount: Int
  /// What it was trained on, and how well it does.
  public let origin: String

  /// A classifier to be trained: weights by He et al. 2015 (normal, variance 2 / inputs), biases 0.
  ///
  /// - Parameter origin: what it is to be called: `Fashion-MNIST`.
  public convenience init(classCount: Int, origin: String, generator: Generator) {
    self.init(classCount: classCount, origin: origin, device: .cpu)
    noGrad {
      for parameter in parameters() {
        let shape = parameter.tensor.shape
        guard shape.count > 1 else {
          parameter.box.tensor = .zeros(shape)
          continue
        }
        let inputs = shape.dropFirst().reduce(1, *)
        parameter.box.tensor = Tensor.empty(shape).normal_(
          std: (2 / Double(inputs)).squareRoot(), generator: generator)
      }
    }
  }

  init(config: JSONReader) throws(InputError) {
    let classes = try config.at("num_labels")
    classCount = try classes.int()
    guard (2...10_000).contains(classCount) else { throw classes.error(expected: "2 ... 10000 classes") }
    origin = try config.string(at: "origin")
    super.init()
    makeLayers(device: .meta)
  }

  private init(classCount: Int, origin: String, device: Device) {
    (self.classCount, self.origin) = (classCount, origin)
    super.init()
    makeLayers(device: device)
  }

  private func makeLayers(device: Device) {
    first = Convolution(1, 32, kernel: 5, device: device)
    second = Convolution(32, 64, kernel: 3, device: device)
    third = Convolution(64, 128, kernel: 3, device: device)
    dense = Linear(128 * 49, 128, device: device)
    head = Linear(128, classCount, device: device)
  }

  /// What figures are labelled with.
  public var name: String { "small classifier, \(origin)" }
  /// Whether figures are those of the literature: only with FID's own weights.
  public var isReferenceInception: Bool { false }
  /// Channels of the images that it reads.
  public var channels: Int { 1 }
  /// Height and width that images are brought to; nil: any.
  public var fixedSize: (height: Int, width: Int)? { (Self.side, Self.side) }
  /// Features of an image.
  public var featureCount: Int { 128 }

  /// The last convolution's activations `[N, 128, 7, 7]` and the features `[N, 128]`.
  private func activations(_ images: Tensor) -> (spatial: Tensor, pooled: Tensor) {
    let x = (planes(images) - Self.offset) / Self.spread
    let a = first(x).relu().maxPool2d(2, stride: 2)
    let b = second(a).relu().maxPool2d(2, stride: 2)
    let c = third(b).relu()
    return (c, dense(c.flatten(1)).relu())
  }

  /// Scores of the classes `[N, K]` of images uint8 `[N, 28, 28, 1]`.
  public func logits(_ images: Tensor) -> Tensor { head(activations(images).pooled) }

  /// What the network sees in images, uint8 `[N, H, W, C]`.
  public func features(of images: Tensor) -> ImageFeatureBatch {
    noGrad {
      let (spatial, pooled) = activations(images)
      return ImageFeatureBatch(
        pooled: pooled, spatial: spatial.narrow(1, 0, Self.spatialChannels).flatten(1).contiguous(),
        logProbabilities: head(pooled).logSoftmax(1))
    }
  }

  /// Writes `config.json` and `model.safetensors`; the folder appears whole or not at all.
  ///
  /// - Parameters:
  ///   - origin: what the trained network shall be called, with its accuracy for instance; nil keeps the name it has.
  ///   - replacing: whether a folder of that name may be there.
  public func save(to folder: String, origin: String? = nil, replacing: Bool = false) throws {
    let config: JSON = [
      "model_type": .string(Self.modelType), "num_labels": .int(classCount), "origin": .string(origin ?? self.origin),
    ]
    if replacing { try requireReplaceableModel(folder) }
    try AtomicFolder.write(to: folder, replacing: replacing) { partial in
      try SafetensorsWriter.write(
        parameters().map { SafetensorsSource(name: $0.key, tensor: $0.tensor) },
        to: partial + "/" + SafetensorsFolder.fileName)
      try AtomicFile.write(config, to: partial + "/config.json")
    }
  }

  static func parameterName(_ tensor: String) -> String? { tensor }
  func describe(_ metadata: [String: String]) {}
}
