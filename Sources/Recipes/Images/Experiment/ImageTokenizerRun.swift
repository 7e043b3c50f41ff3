import Evaluation
import Files
import Foundation
import Reports
import TokenData
import TokenModels
package import Torch
import TorchNN

/// What became of the tokenizer that all generators share.
public struct TokenizerOutcome: Codable, Equatable {
  var epochs: [VQEpochMetrics]
  /// Share of the test pictures that the classifier sorts rightly.
  var classifierAccuracy: Double
  /// Of reconstructed test pictures: no generator over these codes can be expected to do better.
  var reconstructed: ImageMetrics
  /// Of real training pictures, as many as a generator draws: what the figures are when nothing is wrong.
  var real: ImageMetrics
  /// What all of it took.
  var seconds: Double
}

/// The files that the tokenizer's run leaves for the generators.
struct ImageFolder {
  let root: String

  var tokenizer: String { root + "/tokenizer" }
  var features: String { root + "/features" }
  /// `codes` `[N, L]` int32 of the training images, `labels` `[N]`.
  var codes: String { root + "/codes.safetensors" }
  func grid(_ run: String, step: Int) -> String { "\(root)/grids/\(run)-step\(step).png" }
  var realGrid: String { root + "/grids/real.png" }
  var reconstructedGrid: String { root + "/grids/reconstructed.png" }

  /// Pictures uint8 `[N, 28, 28, 1]` as a grid of ten columns, twice as large.
  func writeGrid(_ pictures: Tensor, to path: String, count: Int = 100) throws {
    try makeFolders(root + "/grids")
    let batch = ImageBatch(pictures.narrow(0, 0, min(count, pictures.size(0))))
    try PixelImage.grid(batch.images, columns: 10, gap: 1, scale: 2).writePNG(to: path)
  }
}

/// Trains the classifier and the tokenizer, and turns the training pictures into codes.
struct ImageTokenizerRun {
  let settings: ImageExperiment
  let folder: ImageFolder
  let context: RunContext

  func outcome() throws -> TokenizerOutcome {
    let start = ContinuousClock.now
    let data = try settings.pictures()
    let total = settings.tokenizer.classifierEpochs + settings.tokenizer.epochs + 2
    func tell(_ phase: String, _ done: Int) { context.say(phase, done, of: total) }

    tell("classifier", 0)
    var training = ClassifierTraining()
    training.epochs = settings.tokenizer.classifierEpochs
    let classifier = try training.train(data)
    try classifier.classifier.save(to: folder.features, replacing: true)

    tell("tokenizer", settings.tokenizer.classifierEpochs)
    let model = VQModel(settings.vq, generator: Generator(seed: 0))
    let trainer = VQTrainer(model, VQTrainingOptions(epochs: settings.tokenizer.epochs))
    let epochs = try trainer.fit(data.train.planes, validation: data.test.planes) { event in
      if case .epoch(let metrics) = event { tell("tokenizer", settings.tokenizer.classifierEpochs + metrics.epoch) }
    }
    try model.save(to: folder.tokenizer, replacing: true)
    try keepCodes(of: data.train, model)
    tell("pictures", total - 1)

    let judge = ImageJudge(classifier.classifier, real: data.test.channelsLast)
    let reconstructed = try pictures(of: model.codes(of: data.test.planes), model)
    try folder.writeGrid(data.test.channelsLast, to: folder.realGrid)
    try folder.writeGrid(reconstructed, to: folder.reconstructedGrid)
    return TokenizerOutcome(
      epochs: epochs, classifierAccuracy: classifier.accuracy,
      reconstructed: judge.metrics(of: reconstructed.narrow(0, 0, min(settings.samples, reconstructed.size(0)))),
      real: judge.metrics(of: data.train.channelsLast.narrow(0, 0, min(settings.samples, data.train.count))),
      seconds: (ContinuousClock.now - start) / .seconds(1))
  }

  private func keepCodes(of train: FashionMNIST.Part, _ model: VQModel) throws {
    let codes = try model.codes(of: train.planes).flatten(1).to(.int32)
    let labels = Tensor(train.labels.map { Int32($0) })
    try SafetensorsWriter.write(
      [SafetensorsSource(name: "codes", tensor: codes), SafetensorsSource(name: "labels", tensor: labels)],
      to: folder.codes)
  }
}

/// Pictures uint8 `[N, H, W, C]` of codes `[N, h, w]`, some at a time.
///
/// - Parameter side: what they are resized to (bicubic, before they are cut to 0 … 255, as LlamaGen does); nil leaves them
///   as they are.
func pictures(of codes: Tensor, _ model: VQModel, side: Int? = nil) throws -> Tensor {
  let parts = try codes.split(256, 0).map { part in
    var images = try model.decode(part)
    if let side, images.size(2) != side { images = images.resizedBicubic(height: side, width: side) }
    return ImagePixels.bytes(images).permute([0, 2, 3, 1]).contiguous()
  }
  return .cat(parts)
}

extension ImageBatch {
  /// Pictures uint8 `[N, H, W, C]`.
  init(_ pixels: Tensor) {
    self.init(
      count: pixels.size(0), height: pixels.size(1), width: pixels.size(2), channels: pixels.size(3),
      bytes: pixels.contiguous().array(of: UInt8.self))
  }
}

extension VQModel {
  /// Codes `[N, h, w]` of pictures uint8 `[N, C, H, W]`, some at a time.
  func codes(of pictures: Tensor) throws -> Tensor {
    .cat(try pictures.split(256, 0).map { try encode(ImagePixels.normalised($0)).codes })
  }
}

/// Compares pictures with the test pictures by one network.
struct ImageJudge {
  private let network: any ImageFeatures
  private let real: ImageFeatureBatch

  /// - Parameter real: uint8 `[N, 28, 28, 1]`
  init(_ network: any ImageFeatures, real: Tensor) {
    self.network = network
    self.real = Self.features(network, real)
  }

  func features(of pictures: Tensor) -> ImageFeatureBatch { Self.features(network, pictures) }

  func metrics(of pictures: Tensor) -> ImageMetrics {
    var options = ImageMetricOptions()
    (options.neighbourLimit, options.resamples) = (2000, 0)
    return ImageMetrics(real: real, generated: features(of: pictures), network: network, options: options)
  }

  private static func features(_ network: any ImageFeatures, _ pictures: Tensor) -> ImageFeatureBatch {
    .joined(pictures.split(500, 0).map { network.features(of: $0) })
  }
}

extension ImageExperiment {
  /// The data, as much of it as the scale takes.
  ///
  /// - Throws: `InputError` if it is not there or damaged.
  package func pictures() throws -> FashionMNIST {
    let all = try FashionMNIST(folder: data)
    return images.map { all.prefix($0, tests: $0) } ?? all
  }

  /// Their test part alone.
  ///
  /// - Throws: as ``pictures()``.
  package func testPictures() throws -> FashionMNIST.Part {
    let all = try FashionMNIST.testPart(folder: data)
    return images.map { all.prefix($0) } ?? all
  }
}

extension FashionMNIST.Part {
  /// uint8 `[N, 1, 28, 28]`, as tokenizers read them.
  package var planes: Tensor { Tensor(images, shape: [count, 1, FashionMNIST.side, FashionMNIST.side]) }
  /// uint8 `[N, 28, 28, 1]`, as features do.
  var channelsLast: Tensor { Tensor(images, shape: [count, FashionMNIST.side, FashionMNIST.side, 1]) }
}
