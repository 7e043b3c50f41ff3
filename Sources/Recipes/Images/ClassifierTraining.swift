// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
public import TokenModels
import Torch
import TorchNN
import Training

/// Trains the classifier whose features judge samples of a small data set.
public struct ClassifierTraining: Sendable, Hashable {
  /// Passes over the training images.
  public var epochs = 4
  /// Images of a step.
  public var batch = 128
  /// The largest learning rate: reached after a tenth of the steps, falling to 0 as a cosine.
  public var learningRate = 2e-3
  /// Decoupled weight decay.
  public var weightDecay = 0.01
  /// Seed of weights and order.
  public var seed: UInt64 = 1

  /// The defaults: 90.2 % on Fashion-MNIST (one seed), in about two minutes of one core.
  public init() {}

  /// A finished training.
  public struct Outcome {
    /// The network.
    public let classifier: SmallImageClassifier
    /// Share of test images it tells right.
    public let accuracy: Double
  }

  /// Steps that ``train(_:progress:)`` will take.
  public func steps(_ data: FashionMNIST) -> Int { epochs * ((data.train.count + batch - 1) / batch) }

  /// Trains on the training part and counts right answers on the test part.
  ///
  /// - Parameter progress: told of each step and its loss.
  /// - Throws: `InputError` if the loss is not finite; a torch error.
  public func train(
    _ data: FashionMNIST, progress: (_ step: Int, _ loss: Double) -> Void = { _, _ in }
  ) throws -> Outcome {
    try withTorchErrors {
      let model = SmallImageClassifier(
        classCount: FashionMNIST.classNames.count, origin: "Fashion-MNIST", generator: Generator(seed: seed))
      model.unfreeze()
      let parameters = model.trainableParameters()
      let optimizer = AdamW(learningRate: learningRate, weightDecay: weightDecay).makeOptimizer(
        for: parameters.map { OptimizedParameter(key: $0.key, tensor: $0.tensor, master: nil, group: nil) })
      let images = data.train.channelsLast, labels = Tensor(data.train.labels.map(Int64.init))
      let total = steps(data)
      var step = 0
      for epoch in 0..<epochs {
        for rows in batches(data.train.count, epoch) {
          let index = Tensor(rows.map(Int64.init))
          let loss = model.logits(images.indexSelect(0, index)).crossEntropy(labels.indexSelect(0, index))
          let slopes = gradients(of: [loss], withRespectTo: parameters.map(\.tensor))
          let value = loss.item()
          guard value.isFinite else {
            throw InputError(
              path: "<training>", place: "step \(step)", expected: "a finite loss", found: "\(value)",
              remedy: "Lower the learning rate.")
          }
          optimizer.update(
            gradients: slopes, gradientFactor: 1, learningRateFactor: factor(Double(step) / Double(total)))
          step += 1
          progress(step, value)
        }
      }
      model.freeze()
      return Outcome(classifier: model, accuracy: accuracy(model, data.test))
    }
  }

  /// Share of images told right.
  func accuracy(_ model: SmallImageClassifier, _ part: FashionMNIST.Part) -> Double {
    let images = part.channelsLast, labels = Tensor(part.labels.map(Int64.init))
    return noGrad {
      var right = 0
      for start in stride(from: 0, to: part.count, by: 1000) {
        let length = min(1000, part.count - start)
        let answers = model.logits(images.narrow(0, start, length)).argmax(1)
        right += answers.equals(labels.narrow(0, start, length)).sum().intItem()
      }
      return Double(right) / Double(part.count)
    }
  }

  /// Rises linearly over a tenth, then falls as a cosine.
  private func factor(_ share: Double) -> Double {
    share < 0.1 ? share / 0.1 : 0.5 * (1 + cos(.pi * (share - 0.1) / 0.9))
  }

  private func batches(_ count: Int, _ epoch: Int) -> [[Int]] {
    var random = CounterGenerator(seed, UInt64(epoch))
    var order = Array(0..<count)
    for index in order.indices.dropFirst() { order.swapAt(index, random.next(below: index + 1)) }
    return stride(from: 0, to: count, by: batch).map { Array(order[$0..<min($0 + batch, count)]) }
  }
}
