// SPDX-License-Identifier: Apache-2.0
import Objectives
public import TokenModels
import Torch
import TorchNN
public import Training

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

  /// The defaults: about 90 % on Fashion-MNIST, in about two minutes of one core.
  public init() {}

  /// A finished training.
  public struct Outcome {
    /// The network.
    public let classifier: SmallImageClassifier
    /// Share of test images it tells right.
    public let accuracy: Double
    /// How the run ended.
    public let finish: FinishMetrics
  }

  /// Steps that ``train(_:checkpoints:shouldStop:_:)`` will take.
  public func steps(_ data: FashionMNIST) -> Int { epochs * plan(data).stepsPerEpoch }

  /// Trains on the training part and counts right answers on the test part.
  ///
  /// - Parameters:
  ///   - data: images and their classes.
  ///   - checkpoints: where to save what is needed to go on, and when.
  ///   - shouldStop: asked between two steps; true ends the run early, after a last checkpoint.
  ///   - observe: is told what happens, in the order it happens. What it throws ends the run.
  /// - Throws: `TrainingError` if the loss is not finite, naming images; `InputError` for a checkpoint of another run; a
  ///   torch error.
  public func train(
    _ data: FashionMNIST, checkpoints: Checkpoints? = nil, shouldStop: @escaping () -> Bool = { false },
    _ observe: (TrainingEvent) throws -> Void
  ) throws -> Outcome {
    try withTorchErrors {
      let model = SmallImageClassifier(
        classCount: FashionMNIST.classNames.count, origin: "Fashion-MNIST", generator: Generator(seed: seed))
      model.unfreeze()
      let loop = TrainingLoop(
        model, AdamW(learningRate: learningRate, weightDecay: weightDecay),
        options: TrainingOptions(
          length: .epochs(Double(epochs)), schedule: Schedule(.cosine, warmUp: .ratio(0.1)), gradientNormLimit: nil,
          seed: seed))
      loop.shouldStop = shouldStop
      let finish = try loop.fit(
        ClassifierTask(model, data.train, plan(data), "\(self)"), checkpoints: checkpoints, observe)
      model.freeze()
      return Outcome(classifier: model, accuracy: accuracy(model, data.test), finish: finish)
    }
  }

  private func plan(_ data: FashionMNIST) -> BatchPlan {
    BatchPlan(count: data.train.count, batch: batch, seed: seed)
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
}

/// Cross entropy of images' classes. A batch is the images' indices.
private final class ClassifierTask: TrainingTask {
  let lossTerms: [(name: String, weight: Double)] = [("ce", 1)]
  let identity: String?
  private let model: SmallImageClassifier
  private let images: Tensor, labels: Tensor
  private var order: PlannedOrder

  init(_ model: SmallImageClassifier, _ data: FashionMNIST.Part, _ plan: BatchPlan, _ identity: String) {
    (self.model, self.identity, order) = (model, identity, PlannedOrder(plan))
    (images, labels) = (data.channelsLast, Tensor(data.labels.map(Int64.init)))
  }

  var plan: BatchPlan { order.plan }

  func batches(ofStep step: Int) -> [[Int]] { [Array(order.examples(ofStep: step).indices)] }

  func denominators(of batches: [[Int]]) -> Denominators {
    Denominators(supervised: Double(batches.reduce(0) { $0 + $1.count }), weights: [])
  }

  func loss(of batch: [Int], _ denominators: Denominators) -> LossValue? {
    let index = Tensor(batch.map(Int64.init))
    let mean = model.logits(images.indexSelect(0, index)).crossEntropy(labels.indexSelect(0, index))
    let loss = mean * (Double(batch.count) / denominators.supervised)
    return LossValue(total: loss, lossTerms: [LossValue.Term(name: "ce", weight: 1, value: loss.detach())])
  }

  func tokens(of batch: [Int]) -> Int { batch.count }
  func examples(of batch: [Int]) -> [(source: String, alone: [Int])] { batch.map { ("image \($0)", [$0]) } }
}
