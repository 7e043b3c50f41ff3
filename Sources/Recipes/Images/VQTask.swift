// SPDX-License-Identifier: Apache-2.0
import Objectives
import TokenModels
import Torch
import TorchNN
import Training

/// Images, the loss of an image tokenizer on them, and what its code book learns besides gradients.
final class VQTask: TrainingTask {
  struct Batch {
    let indices: [Int]
    /// `[B, C, H, W]` within [−1, 1].
    let images: Tensor
  }

  private let model: VQModel
  private let options: VQTrainingOptions
  private let codeBook: CodeBookLearning
  private let optimizer: any Optimizer
  private let images: Tensor
  private let features: VQTrainer.Features?
  private var order: PlannedOrder
  /// The forward pass that the next update is made of.
  private var pass: VQModel.Pass?
  /// Means of the epoch so far, weighted by images (total, reconstruction, commitment, perceptual), and how many codes
  /// got a new vector: float64 `[5]`.
  private let epochSums = Tensor.zeros([5], dtype: .float64)
  private var epoch = 0, start = ContinuousClock.now

  init(
    _ model: VQModel, _ options: VQTrainingOptions, _ codeBook: CodeBookLearning, _ optimizer: any Optimizer,
    _ images: Tensor, _ features: VQTrainer.Features?
  ) {
    (self.model, self.options, self.codeBook, self.optimizer) = (model, options, codeBook, optimizer)
    (self.images, self.features) = (images, options.perceptual > 0 ? features : nil)
    order = PlannedOrder(BatchPlan(count: images.size(0), batch: options.batch, seed: options.seed))
  }

  // MARK: Examples and loss

  var plan: BatchPlan { order.plan }

  var lossTerms: [(name: String, weight: Double)] {
    var terms = [("reconstruction", 1), ("commitment", options.commitment)]
    if case .gradient(let weight) = options.codeBook { terms.append(("codeBook", weight)) }
    if features != nil { terms.append(("perceptual", options.perceptual)) }
    return terms
  }

  func batches(ofStep step: Int) throws -> [Batch] {
    let indices = Array(order.examples(ofStep: step).indices)
    return try withTorchErrors {
      let rows = Tensor(indices.map(Int64.init), device: images.device)
      return [Batch(indices: indices, images: model.input(images.indexSelect(0, rows)))]
    }
  }

  func denominators(of batches: [Batch]) -> Denominators {
    Denominators(supervised: Double(batches.reduce(0) { $0 + $1.indices.count }), weights: [])
  }

  func loss(of batch: Batch, _ denominators: Denominators) -> LossValue? {
    let pass = model(batch.images)
    self.pass = pass
    let share = Double(batch.indices.count) / denominators.supervised
    let terms = zip(lossTerms, values(of: pass, batch.images)).map { term, value in
      LossValue.Term(name: term.name, weight: term.weight, value: value * share)
    }
    return LossValue(
      total: terms.dropFirst().reduce(terms[0].value) { $0 + $1.value * $1.weight },
      lossTerms: terms.map { LossValue.Term(name: $0.name, weight: $0.weight, value: $0.value.detach()) })
  }

  /// Of the terms, in their order.
  private func values(of pass: VQModel.Pass, _ images: Tensor) -> [Tensor] {
    var values = [
      pass.reconstruction.meanSquaredError(images), pass.latents.meanSquaredError(pass.quantized.detach()),
    ]
    if case .gradient = options.codeBook { values.append(pass.quantized.meanSquaredError(pass.latents.detach())) }
    if let features {
      let wanted = noGrad { features(images) }
      values.append(
        zip(features(pass.reconstruction), wanted).reduce(Tensor.zeros([], device: images.device)) {
          $0 + $1.0.meanSquaredError($1.1)
        })
    }
    return values
  }

  func tokens(of batch: Batch) -> Int { batch.indices.count }

  func examples(of batch: Batch) -> [(source: String, alone: Batch)] {
    batch.indices.enumerated().map { place, index in
      ("image \(index)", Batch(indices: [index], images: batch.images.narrow(0, place, 1)))
    }
  }

  // MARK: Code book

  func willStart(at step: Int) throws {
    epoch = step / plan.stepsPerEpoch
    guard step == 0, options.startsFromLatents, let first = try batches(ofStep: 0).first else { return }
    codeBook.start(latents: try model.encode(first.images).latents.flatten(0, 2))
  }

  func didUpdate(_ step: StepMetrics) {
    guard let latents = pass?.latents.detach().flatten(0, 2), let codes = pass?.codes.flatten() else { return }
    pass = nil
    codeBook.learn(latents: latents, codes: codes)
    let restarted = codeBook.restart(latents: latents, step: step.step)
    forgetMoments(of: restarted)
    func value(_ name: String) -> Double { step.lossTerms.first { $0.name == name }?.value ?? 0 }
    let share = Double(step.supervisedTokens) / Double(plan.count)
    let losses = [step.loss, value("reconstruction"), value("commitment"), value("perceptual")]
    epochSums.add_(Tensor(losses.map { share * $0 } + [Double(restarted.count)]))
  }

  /// A code's new vector has nothing to do with the gradients of its old one.
  private func forgetMoments(of codes: [Int]) {
    guard !codes.isEmpty else { return }
    let rows = Tensor(codes.map(Int64.init), device: model.quantizer.embedding.weight.device)
    for state in optimizer.state where state.name.hasSuffix(".quantize.embedding.weight") {
      let tensor = state.tensor
      noGrad { tensor.indexPut_([rows], .zeros([codes.count, tensor.size(1)], device: tensor.device)) }
    }
  }

  /// What the epoch was like that ends here; the next one begins.
  func finishEpoch(_ validation: VQEvaluation?) -> VQEpochMetrics {
    let sums = epochSums.array(of: Double.self)
    epochSums.zero_()
    epoch += 1
    defer { start = .now }
    return VQEpochMetrics(
      epoch: epoch,
      losses: VQLosses(total: sums[0], reconstruction: sums[1], commitment: sums[2], perceptual: sums[3]),
      usage: codeBook.finishEpoch(), restarted: Int(sums[4]), validation: validation,
      seconds: (ContinuousClock.now - start) / .seconds(1))
  }

  // MARK: Checkpoints

  var state: [(name: String, tensor: Tensor)] { codeBook.state + [("epochSums", epochSums)] }

  /// A run may be made longer, if its rate is constant.
  var identity: String? {
    var options = options
    if options.schedule == .constant { options.epochs = 0 }
    return "\(options)"
  }
}
