// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing
import TokenModels
import Torch
import TorchNN
import Training

private let hasFashion = fileExists(FashionMNIST.defaultFolder)
private let withoutFashion: Comment = "Fashion-MNIST is not installed (dataset-fashion-mnist)"

@Suite struct ClassifierTrainingTests {
  /// One pass over an eighth of the images already tells most classes apart, and equal seeds give equal weights.
  @Test(.enabled(if: hasFashion, withoutFashion)) func aShortTrainingLearns() throws {
    let data = try FashionMNIST().prefix(7500, tests: 2000)
    var training = ClassifierTraining()
    training.epochs = 1
    var losses: [Double] = []
    let outcome = try training.train(data) { event in
      if case .step(let step) = event { losses.append(step.loss) }
    }
    #expect(losses.count == training.steps(data) && losses[0] > 1.5 && losses.suffix(5).reduce(0, +) / 5 < 0.8)
    #expect(outcome.accuracy > 0.78, "\(outcome.accuracy)")
    #expect(!outcome.classifier.parameters().contains { $0.box.isTrainable })
  }

  /// Drawn images of two classes: no data set is needed to see checkpoints, interruption and the search for a bad image.
  @Test func aClassifierGoesOnFromItsCheckpoint() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "classifier-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let pixels = Tensor.randint(0, 256, [24, 28, 28], generator: Generator(seed: 1)).to(.uint8).array(of: UInt8.self)
    let part = FashionMNIST.Part(images: pixels, labels: (0..<24).map { UInt8($0 % 2) })
    let data = FashionMNIST(train: part, test: part.prefix(8))
    var training = ClassifierTraining()
    (training.epochs, training.batch) = (2, 8)
    let whole = try training.train(data) { _ in }
    #expect(whole.finish.reason == .completed)
    #expect(whole.finish.losses.count == training.steps(data))
    var done = 0
    let first = try training.train(data, checkpoints: Checkpoints(folder), shouldStop: { done >= 4 }) { event in
      if case .step(let step) = event { done = step.step }
    }
    #expect(first.finish.reason == .stopped)
    let second = try training.train(data, checkpoints: Checkpoints(folder)) { _ in }
    #expect(second.finish.losses == whole.finish.losses)
    for (a, b) in zip(second.classifier.parameters(), whole.classifier.parameters()) {
      #expect(a.tensor.isEqual(to: b.tensor))
    }
  }
}
