// SPDX-License-Identifier: Apache-2.0
import Recipes
import Evaluation
import Files
import MetricTokens
import Objectives
import Reports
import TokenData
import TokenModels
import Torch
import TorchNN
import Training

/// Outcome of one generator.
public struct GeneratorOutcome: Codable, Equatable {
  /// The figures of what was drawn after so many steps.
  package struct Mark: Codable, Equatable {
    var step: Int
    /// Passes over the images by then.
    var epoch: Double
    var metrics: ImageMetrics
  }

  package var marks: [Mark]
  package var images: Int
  /// τ that the perplexity asked for came to; nil without distance.
  package var temperature: Double?
  /// Cross entropy of each step.
  package var losses: [Double]
  var seconds: Double
}

/// Trains a generator over the codes of the shared tokenizer, and draws images on the way.
struct ImageGeneratorRun {
  let settings: ImageExperiment
  let folder: ImageFolder
  let run: GridRun
  let variant: ImageVariant
  let context: RunContext

  func outcome() throws -> GeneratorOutcome {
    let start = ContinuousClock.now, options = settings.generator
    let tokenizer = try VQModel(folder: folder.tokenizer)
    let examples = try CodeExamples(folder.codes, settings.gpt, share: run.size, seed: UInt64(run.seed))
    let distanceLoss = try withTorchErrors { try self.distanceLoss(over: tokenizer.codeBook) }
    let model = try withTorchErrors { LlamaGen(settings.gpt, generator: Generator(seed: UInt64(run.seed))) }
    let plan = BatchPlan(count: examples.count, batch: options.batch, seed: UInt64(run.seed))
    let steps = options.marks.last ?? 0
    let trainer = try withTorchErrors {
      Trainer(
        model, try Objective(variant.preset, distanceLosses: [distanceLoss], alpha: settings.alpha),
        // Section D.3's: decay of matrices alone, betas 0.9 and 0.95.
        AdamW(
          learningRate: options.learningRate, betas: (0.9, 0.95), weightDecay: 0.05,
          groups: [ParameterGroup(.vectors, weightDecay: 0)]),
        options: TrainingOptions(
          length: .steps(steps), schedule: Schedule(.constant, warmUp: .steps(min(50, steps / 4))),
          seed: UInt64(run.seed)))
    }
    let evaluator = ImageEvaluator(
      try loadImageFeatures(folder: folder.features), real: try settings.testImages().channelsLast)
    var marks = [GeneratorOutcome.Mark](), losses = [Double]()
    try trainer.fit(ExampleBatches(examples, plan: plan)) { event in
      guard case .step(let step) = event else { return }
      losses.append(step.lossTerms.first { $0.name == "ce" }?.value ?? step.loss)
      context.say("training", step.step, of: steps + 1, loss: step.loss)
      guard options.marks.contains(step.step) else { return }
      let drawn = try draw(model, tokenizer)
      try folder.writeGrid(drawn, to: folder.grid(run.name, step: step.step))
      marks.append(
        GeneratorOutcome.Mark(
          step: step.step, epoch: Double(step.step) / Double(plan.stepsPerEpoch), metrics: evaluator.metrics(of: drawn))
      )
    }
    return GeneratorOutcome(
      marks: marks, images: examples.count,
      temperature: variant.preset == .dist ? distanceLoss.resolved.temperatures[0] : nil,
      losses: losses, seconds: (ContinuousClock.now - start) / .seconds(1))
  }

  private func distanceLoss(over book: Tensor) throws -> DistanceLoss {
    let book = try CodeBook(book)
    let space = try TokenSpace(name: "codes", ids: Array(0..<Int32(settings.tokenizer.codes)))
    let distance: any Distance =
      switch variant.distance {
      case .meanSquared: MeanSquaredDistance(book)
      case .cosine: try CosineDistance(book)
      case .shuffled: try ShuffledDistance(MeanSquaredDistance(book), seed: UInt64(run.seed))
      }
    return try DistanceLoss(
      space, target: TargetDistribution(distance, temperature: .perplexity(settings.perplexity)))
  }

  /// Images uint8 `[N, 28, 28, 1]`, the classes in turn.
  private func draw(_ model: LlamaGen, _ tokenizer: VQModel) throws -> Tensor {
    let classes: [Int?] = (0..<settings.samples).map { $0 % FashionMNIST.classNames.count }
    let options = ImageSamplingOptions(
      guidance: settings.guidance, sampling: Sampling(temperature: 1, seed: UInt64(run.seed)), batch: 250)
    let side = settings.gridSide
    var parts = [Tensor]()
    try ImageSampler(model).sample(classes, options) { images, codes in
      parts.append(try decodedImages(of: codes.view([images.count, side, side]), tokenizer))
    }
    return .cat(parts)
  }
}

/// Images as sequences `[class, code, code, …]` of which every code is learnt and carries the distance.
struct CodeExamples: ExampleCollection {
  private let codes: [Int32]
  private let labels: [Int32]
  private let length: Int
  private let firstClass: Int32
  private let chosen: [Int]

  /// - Parameter share: the part of the images that is used, chosen by the seed: the same for every variant.
  init(_ path: String, _ configuration: LlamaGenConfiguration, share: Double, seed: UInt64) throws {
    let file = try SafetensorsFile(path)
    func values(_ name: String) throws -> [Int32] {
      try file[name].map { try Tensor($0).array(of: Int32.self) } ?? []
    }
    (codes, labels) = (try values("codes"), try values("labels"))
    (length, firstClass) = (configuration.codesPerImage, Int32(configuration.codes))
    guard !labels.isEmpty, codes.count == labels.count * length else {
      throw InputError(
        path: path, place: "tensor codes", expected: "\(length) codes for each of \(labels.count) images",
        found: "\(codes.count) codes", remedy: "Delete the folder; the same command makes it again.")
    }
    let count = max(1, Int((share * Double(labels.count)).rounded()))
    chosen = Array(BatchPlan(count: labels.count, batch: 1, seed: seed).order(ofEpoch: 0).prefix(count))
  }

  var count: Int { chosen.count }

  func example(_ index: Int) -> EncodedExample {
    let image = chosen[index], own = codes[image * length..<(image + 1) * length]
    return EncodedExample(
      classToken: firstClass + labels[image], codes: Array(own), hasMetric: true, source: "image \(image)")
  }
}
