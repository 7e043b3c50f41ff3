// SPDX-License-Identifier: Apache-2.0
package import Recipes
import Evaluation
import Files
import Foundation
import Reports
import TokenData
import TokenModels
import Torch
import TorchNN

/// Outcome of the tokenizer that all generators share.
public struct TokenizerOutcome: Codable, Equatable {
  var epochs: [VQEpochMetrics]
  /// Share of the test images that the classifier sorts rightly.
  var classifierAccuracy: Double
  /// Of reconstructed test images: no generator over these codes can be expected to do better.
  var reconstructed: ImageMetrics
  /// Of real training images, as many as a generator draws: what the figures are when nothing is wrong.
  var real: ImageMetrics
  /// Time of everything.
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

  /// Images uint8 `[N, 28, 28, 1]` as a grid of ten columns, twice as large.
  func writeGrid(_ images: Tensor, to path: String, count: Int = 100) throws {
    try makeFolders(root + "/grids")
    let batch = ImageBatch(images.narrow(0, 0, min(count, images.size(0))))
    try PixelImage.grid(batch.images, columns: 10, gap: 1, scale: 2).writePNG(to: path)
  }
}

/// Trains the classifier and the tokenizer, and turns the training images into codes.
struct ImageTokenizerRun {
  let settings: ImageExperiment
  let folder: ImageFolder
  let context: RunContext

  func outcome() throws -> TokenizerOutcome {
    let start = ContinuousClock.now
    let data = try settings.loadedImages()
    let total = settings.tokenizer.classifierEpochs + settings.tokenizer.epochs + 2
    func tell(_ phase: String, _ done: Int) { context.say(phase, done, of: total) }

    tell("classifier", 0)
    var training = ClassifierTraining()
    training.epochs = settings.tokenizer.classifierEpochs
    let classifier = try training.train(data) { _ in }
    try classifier.classifier.save(to: folder.features, replacing: true)

    tell("tokenizer", settings.tokenizer.classifierEpochs)
    let model = VQModel(settings.vq, generator: Generator(seed: 0))
    let trainer = VQTrainer(model, VQTrainingOptions(epochs: settings.tokenizer.epochs))
    let epochs = try trainer.fit(data.train.planes, validation: data.test.planes) { event in
      if case .epoch(let metrics) = event { tell("tokenizer", settings.tokenizer.classifierEpochs + metrics.epoch) }
    }
    try model.save(to: folder.tokenizer, replacing: true)
    try keepCodes(of: data.train, model)
    tell("images", total - 1)

    let evaluator = ImageEvaluator(classifier.classifier, real: data.test.channelsLast)
    let reconstructed = try decodedImages(of: model.codes(of: data.test.planes), model)
    try folder.writeGrid(data.test.channelsLast, to: folder.realGrid)
    try folder.writeGrid(reconstructed, to: folder.reconstructedGrid)
    return TokenizerOutcome(
      epochs: epochs, classifierAccuracy: classifier.accuracy,
      reconstructed: evaluator.metrics(of: reconstructed.narrow(0, 0, min(settings.samples, reconstructed.size(0)))),
      real: evaluator.metrics(of: data.train.channelsLast.narrow(0, 0, min(settings.samples, data.train.count))),
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

extension ImageExperiment {
  /// The data, as much of it as the scale takes.
  ///
  /// - Throws: `InputError` if it is not there or damaged.
  package func loadedImages() throws -> FashionMNIST {
    let all = try FashionMNIST(folder: data)
    return images.map { all.prefix($0, tests: $0) } ?? all
  }

  /// Their test part alone.
  ///
  /// - Throws: as ``loadedImages()``.
  package func testImages() throws -> FashionMNIST.Part {
    let all = try FashionMNIST.testPart(folder: data)
    return images.map { all.prefix($0) } ?? all
  }
}
