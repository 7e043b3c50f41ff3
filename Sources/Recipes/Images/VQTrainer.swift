// SPDX-License-Identifier: Apache-2.0
import Files
public import TokenModels
public import Torch
import TorchNN
import Training

/// Trains an image tokenizer.
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
  /// Asked between two epochs; true ends the run early.
  public var shouldStop: () -> Bool = { false }

  let parameters: [NamedParameter]
  let optimizer: any Optimizer
  let codeBook: CodeBookLearning
  private let features: Features?
  private var step = 0

  /// - Parameter features: see ``Features``; nil compares pixels alone.
  public init(_ model: VQModel, _ options: VQTrainingOptions, features: Features? = nil) {
    (self.model, self.options, self.features) = (model, options, features)
    model.unfreeze()
    let book = model.quantizer.embedding
    if case .movingAverage = options.codeBook { book.freeze() }
    parameters = model.trainableParameters()
    // The code book and vectors are group 0, without decay: it would only work against what they are for.
    let rule = AdamW(
      learningRate: options.learningRate, betas: (options.betas[0], options.betas[1]),
      weightDecay: options.weightDecay, groups: [ParameterGroup(.vectors, weightDecay: 0)])
    optimizer = rule.makeOptimizer(
      for: parameters.map {
        let isPlain = $0.tensor.dimensions < 2 || $0.tensor === book.weight
        return OptimizedParameter(key: $0.key, tensor: $0.tensor, master: nil, group: isPlain ? 0 : nil)
      })
    codeBook = CodeBookLearning(model.quantizer, options)
  }

  /// Trains to the end, from the last checkpoint if there is one.
  ///
  /// - Parameters:
  ///   - images: `[N, C, H, W]`, uint8 or real numbers within [−1, 1].
  ///   - validation: images that are reconstructed after every epoch, but not trained on.
  ///   - checkpoints: a folder for the state after each epoch, `epoch-N`, of which the last is kept: a `VQModel`'s
  ///     folder with `training.safetensors` and `state.json`. A run that goes on from it does what an uninterrupted one
  ///     would have done.
  ///   - observe: is told what happens, in the order it happens. What it throws ends the run.
  /// - Throws: ``VQTrainingError`` before an update that would destroy the model; `InputError` for images the model
  ///   does not take or a checkpoint of another run; `TorchError` if an operation fails.
  /// - Returns: what the epochs were like that this call trained.
  @discardableResult
  public func fit(
    _ images: Tensor, validation: Tensor? = nil, checkpoints: String? = nil,
    _ observe: (VQTrainingEvent) throws -> Void = { _ in }
  ) throws -> [VQEpochMetrics] {
    for given in [images, validation].compactMap({ $0 }) { try check(given) }
    let plan = BatchPlan(count: images.size(0), batch: options.batch, seed: options.seed)
    let store = try checkpoints.map { try VQCheckpoints($0, self, plan) }
    var epoch = try store?.restore() ?? 0
    step = epoch * plan.stepsPerEpoch
    model.setTraining(true)
    defer { model.setTraining(false) }
    try observe(
      .started(
        epoch: epoch, epochs: options.epochs, stepsPerEpoch: plan.stepsPerEpoch,
        parameters: parameters.reduce(0) { $0 + $1.tensor.count }))
    var epochs = [VQEpochMetrics]()
    while epoch < options.epochs, !shouldStop() {
      let metrics = try train(epoch: epoch, images, plan, validation, observe)
      epoch += 1
      try store?.save(afterEpoch: epoch)
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
      let batch = onDevice(images.narrow(0, start, count))
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
    _ = try model.encode(onDevice(images.narrow(0, 0, 1)))  // channels, sides
  }

  private func onDevice(_ images: Tensor) -> Tensor {
    ImagePixels.normalised(images.to(model.quantizer.embedding.weight.device))
  }

  private func train(
    epoch: Int, _ images: Tensor, _ plan: BatchPlan, _ validation: Tensor?,
    _ observe: (VQTrainingEvent) throws -> Void
  ) throws -> VQEpochMetrics {
    let start = ContinuousClock.now, order = plan.order(ofEpoch: epoch).map(Int64.init)
    var mean = VQLosses(), restarted = 0
    for within in 0..<plan.stepsPerEpoch {
      let range = plan.place(ofStep: epoch * plan.stepsPerEpoch + within).range
      let metrics = try train(on: images.indexSelect(0, Tensor(Array(order[range]), device: images.device)), plan)
      mean.add(metrics.losses, share: Double(range.count) / Double(plan.count))
      restarted += metrics.restarted
      try observe(.step(metrics))
    }
    return VQEpochMetrics(
      epoch: epoch + 1, losses: mean, usage: codeBook.finishEpoch(), restarted: restarted,
      validation: try validation.map(evaluate), seconds: (ContinuousClock.now - start) / .seconds(1))
  }

  private func train(on images: Tensor, _ plan: BatchPlan) throws -> VQStepMetrics {
    let start = ContinuousClock.now
    defer { for parameter in parameters { parameter.tensor.grad = nil } }
    var metrics = try withTorchErrors { try update(onDevice(images), plan) }
    metrics.seconds = (ContinuousClock.now - start) / .seconds(1)
    return metrics
  }

  /// One step: losses → gradients → norm → finite check → update → code book.
  private func update(_ batch: Tensor, _ plan: BatchPlan) throws -> VQStepMetrics {
    if step == 0 { codeBook.start(latents: try model.encode(batch).latents.flatten(0, 2)) }
    let pass = model(batch), parts = losses(of: pass, batch)
    parts.total.backward()
    let (losses, norm) = try read(parts)
    let factor = options.gradientNormLimit.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    let rate = options.schedule.factor(step: step, of: options.epochs * plan.stepsPerEpoch)
    optimizer.update(gradients: parameters.map(\.tensor.grad), gradientFactor: factor, learningRateFactor: rate)
    step += 1
    let latents = pass.latents.detach().flatten(0, 2)
    codeBook.learn(latents: latents, codes: pass.codes.flatten())
    let restarted = codeBook.restart(latents: latents, step: step)
    forgetMoments(of: restarted)
    return VQStepMetrics(
      step: step, epoch: Double(step) / Double(plan.stepsPerEpoch), losses: losses, gradientNorm: norm,
      restarted: restarted.count, images: batch.size(0), seconds: 0)
  }

  /// Scalars with their graph.
  private struct LossTensors {
    let total: Tensor, reconstruction: Tensor, commitment: Tensor, perceptual: Tensor
  }

  private func losses(of pass: VQModel.Pass, _ images: Tensor) -> LossTensors {
    let reconstruction = pass.reconstruction.meanSquaredError(images)
    let commitment = pass.latents.meanSquaredError(pass.quantized.detach())
    var total = reconstruction + commitment * options.commitment
    if case .gradient(let weight) = options.codeBook {
      total = total + pass.quantized.meanSquaredError(pass.latents.detach()) * weight
    }
    var perceptual = Tensor.zeros([], device: images.device)
    if let features, options.perceptual > 0 {
      let wanted = noGrad { features(images) }
      for (made, wanted) in zip(features(pass.reconstruction), wanted) {
        perceptual = perceptual + made.meanSquaredError(wanted)
      }
      total = total + perceptual * options.perceptual
    }
    return LossTensors(total: total, reconstruction: reconstruction, commitment: commitment, perceptual: perceptual)
  }

  /// Brings losses and the norm of the gradients from the device, and throws if one of them is not finite.
  private func read(_ parts: LossTensors) throws -> (VQLosses, norm: Double) {
    let norms = Tensor.normEach(parameters.compactMap(\.tensor.grad)).map { $0.to(.float64) }
    let scalars = [parts.total, parts.reconstruction, parts.commitment, parts.perceptual, Tensor.stack(norms).norm()]
    let values = try Tensor.stack(scalars.map { $0.detach().to(.float64) }).values(of: Double.self)
    let names = ["the loss", "the reconstruction", "the commitment", "the perceptual loss", "the gradient"]
    if let bad = [1, 2, 3, 0, 4].first(where: { !values[$0].isFinite }) {
      throw VQTrainingError(step: step + 1, what: names[bad])
    }
    return (
      VQLosses(total: values[0], reconstruction: values[1], commitment: values[2], perceptual: values[3]), values[4]
    )
  }

  /// A code's new vector has nothing to do with the gradients of its old one.
  private func forgetMoments(of codes: [Int]) {
    guard !codes.isEmpty else { return }
    let rows = Tensor(codes.map(Int64.init), device: model.quantizer.embedding.weight.device)
    for (name, tensor) in optimizer.state where name.hasSuffix(".quantize.embedding.weight") {
      noGrad { tensor.indexPut_([rows], .zeros([codes.count, tensor.size(1)], device: tensor.device)) }
    }
  }
}

extension VQLosses {
  fileprivate mutating func add(_ other: VQLosses, share: Double) {
    total += share * other.total
    reconstruction += share * other.reconstruction
    commitment += share * other.commitment
    perceptual += share * other.perceptual
  }
}
