// SPDX-License-Identifier: Apache-2.0
import Files
public import TokenModels
public import Torch
import TorchNN
import Training

/// Trains an image tokenizer: a `TrainingLoop` whose task is a `VQModel`'s loss.
///
///     let trainer = VQTrainer(model, VQTrainingOptions(epochs: 10))
///     try trainer.fit(images, validation: others, checkpoints: "vq-run") { event in print(event) }
public final class VQTrainer {
  /// Feature maps of images `[B, C, H, W]` within [−1, 1], for the perceptual part of the loss. Frozen: gradients pass
  /// through it to the images alone.
  public typealias Features = (_ images: Tensor) -> [Tensor]

  /// Trained variants.
  public let model: VQModel
  /// How.
  public let options: VQTrainingOptions
  private let loop: TrainingLoop
  private let codeBook: CodeBookLearning
  private let features: Features?

  /// Asked between two steps; true ends the run early, after a last checkpoint.
  public var shouldStop: () -> Bool {
    get { loop.shouldStop }
    set { loop.shouldStop = newValue }
  }

  /// - Parameter features: see ``Features``; nil compares pixels alone.
  public init(_ model: VQModel, _ options: VQTrainingOptions, features: Features? = nil) {
    (self.model, self.options, self.features) = (model, options, features)
    model.unfreeze()
    if case .movingAverage = options.codeBook { model.quantizer.embedding.freeze() }
    // Vectors and the code book have no decay: it would only work against what they are for.
    let rule = AdamW(
      learningRate: options.learningRate, betas: (options.betas[0], options.betas[1]),
      weightDecay: options.weightDecay,
      groups: [.vectorsWithoutDecay, ParameterGroup(.part(\VQModel.quantizer.embedding), weightDecay: 0)])
    loop = TrainingLoop(
      model, rule,
      options: TrainingOptions(
        length: .epochs(Double(options.epochs)), schedule: options.schedule,
        gradientNormLimit: options.gradientNormLimit, seed: options.seed),
      storesFrozen: true)
    codeBook = CodeBookLearning(model.quantizer, options)
  }

  /// Trains to the end, from the last checkpoint if there is one.
  ///
  /// - Parameters:
  ///   - images: `[N, C, H, W]`, uint8 or real numbers within [−1, 1].
  ///   - validation: images that are reconstructed after every epoch, but not trained on.
  ///   - checkpoints: a folder for the state after each epoch and wherever the run ends, of which the last is kept:
  ///     `step-N`, a `VQModel`'s folder with `training.safetensors` and `state.json`. A run that goes on from it does
  ///     what an uninterrupted one would have done.
  ///   - observe: is told what happens, in the order it happens. What it throws ends the run.
  /// - Throws: `TrainingError` before an update that would destroy the model, naming images; `InputError` for images the
  ///   model does not take or a checkpoint of another run; `TorchError` if an operation fails.
  /// - Returns: what the epochs were like that this call ended.
  @discardableResult
  public func fit(
    _ images: Tensor, validation: Tensor? = nil, checkpoints: String? = nil,
    _ observe: (VQTrainingEvent) throws -> Void = { _ in }
  ) throws -> [VQEpochMetrics] {
    for given in [images, validation].compactMap({ $0 }) { try check(given) }
    let task = VQTask(model, options, codeBook, loop.optimizer, images, features)
    let steps = task.plan.stepsPerEpoch
    let store = try checkpoints.map { [json = model.configurationJSON] folder in
      try Checkpoints(folder, stepsBetween: steps, keepLast: 1, keepsBest: false) {
        try AtomicFile.write(json, to: $0 + "/config.json")
      }
    }
    var evaluation: VQEvaluation?
    let scored = validation.map { others in
      PeriodicValidation(stepsBetween: steps) {
        let found = try self.evaluate(others)
        evaluation = found
        let error = LossTermMetrics(name: "reconstruction", weight: 1, value: found.reconstruction)
        return LossMetrics(loss: found.reconstruction, lossTerms: [error])
      }
    }
    var epochs = [VQEpochMetrics]()
    try loop.fit(task, validation: scored, checkpoints: store) { event in
      try observe(.training(event))
      let endsEpoch =
        switch event {
        case .step(let metrics): validation == nil && metrics.step.isMultiple(of: steps)
        case .validation: true
        default: false
        }
      guard endsEpoch else { return }
      let metrics = task.finishEpoch(evaluation)
      epochs.append(metrics)
      try observe(.epoch(metrics))
    }
    return epochs
  }

  /// Reconstructs images without learning from them.
  ///
  /// - Parameter images: `[N, C, H, W]`, uint8 or real numbers within [−1, 1].
  public func evaluate(_ images: Tensor) throws -> VQEvaluation {
    try check(images)
    var error = 0.0
    var uses = [Double](repeating: 0, count: model.configuration.codes)
    for start in stride(from: 0, to: images.size(0), by: options.batch) {
      let count = min(options.batch, images.size(0) - start)
      let batch = model.input(images.narrow(0, start, count))
      let codes = try model.encode(batch).codes, decoded = try model.decode(codes)
      error += try withTorchErrors { decoded.meanSquaredError(batch).item() } * Double(count)
      for code in try codes.values(of: Int64.self) { uses[Int(code)] += 1 }
    }
    return VQEvaluation(reconstruction: error / Double(images.size(0)), usage: CodeUsage(counts: uses))
  }

  private func check(_ images: Tensor) throws {
    guard images.dimensions == 4, images.size(0) > 0, images.dtype == .uint8 || images.dtype.isFloatingPoint else {
      throw InputError(
        path: "<images>", expected: "uint8 or real numbers [N, C, H, W]", found: "\(images.dtype) \(images.shape)")
    }
    _ = try model.encode(model.input(images.narrow(0, 0, 1)))  // channels, sides
  }
}

extension VQModel {
  /// Images uint8 or within [−1, 1], where and as the model takes them.
  func input(_ images: Tensor) -> Tensor { ImagePixels.normalised(images.to(quantizer.embedding.weight.device)) }
}
