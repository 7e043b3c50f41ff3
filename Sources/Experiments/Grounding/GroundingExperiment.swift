// SPDX-License-Identifier: Apache-2.0
package import Recipes
public import TaskData
import Files
import TokenData
import Foundation
import MetricTokens
import Objectives
public import Reports
import TokenModels
import Torch
import Training

/// The grounding experiment (section 3.2, Table 1): data first, then pretraining of randomly initialised models, then
/// the grid.
public struct GroundingExperiment: Experiment {
  /// `grounding`, as `dist2 reproduce` and its processes name it.
  public static let name = "grounding"

  /// How much.
  public enum Scale: String, Codable, Sendable, CaseIterable {
    /// A minute, to see that everything works; its figures say nothing.
    case tiny
    /// Rendered scenes and a small model of our own, for two cores and half an hour.
    case small
    /// The paper's settings, for Phi-3.5-vision and RefCOCO on a GPU: those of Configs/grounding/phi35-vision.yaml.
    case paper
  }

  /// Where expressions and boxes come from.
  public enum Source: Codable, Sendable, Equatable {
    /// Plain scenes of our own: so many images to learn from and so many to be tested on, of this side in pixels.
    case scenes(training: Int, test: Int, side: Int)
    /// Files of rows, and the folder of their images; rows of the split `train` are learnt from, all others tested on.
    case rows([String], images: String?)

    // Folders of earlier versions have this key.
    private enum RowsCodingKeys: String, CodingKey { case _0, images = "pictures" }
  }

  /// Where expressions and boxes come from.
  public var source: Source
  /// Folder of a model that sees; nil: a randomly initialised small one for each seed.
  public var model: String?
  /// How a randomly initialised model is pretrained.
  var pretraining = GroundingPretraining.Plan(scenes: 24_000, steps: 8000)
  /// Rows, and pixels of a row, of the images that a randomly initialised model reads.
  public var side = 64
  /// Objectives, expressions learnt from (all there are, where there are fewer), and seeds.
  public var grid: Grid
  /// Expressions asked of each split at most.
  public var testExpressions: Int
  /// Passes over the training data; see ``leastSteps``.
  public var epochs = 3
  /// Training steps at least, so that few expressions are seen often enough; more epochs than ``epochs`` are run then.
  public var leastSteps = 0
  /// Examples of an optimizer step.
  public var batch = 8
  /// Peak learning rate.
  public var learningRate = 2e-5
  /// Steps of linear warmup (D.3: 100).
  public var warmupSteps = 100
  /// α
  public var alpha = 0.1
  /// τ of the squared distance between digits.
  public var temperature = 2.0
  /// How boxes are asked for and written.
  public var template = GroundingTemplate()
  /// Whether the scale takes the paper's settings of runs; nil: this project's own.
  var scaleKeys: PaperScale?
  /// Further keys of the run file, as `key=value`.
  public var overrides: [String] = []

  // Folders of earlier versions have these keys.
  private enum CodingKeys: String, CodingKey {
    case source, model, pretraining, side, grid, testExpressions, epochs, leastSteps, batch, learningRate, warmupSteps
    case alpha, temperature, template = "form", scaleKeys, overrides
  }

  /// The settings of a scale.
  public init(_ scale: Scale, source: Source? = nil, model: String? = nil) {
    self.model = model
    var (sizes, seeds) = ([8], [1])
    // The question never changes, so a model without pretraining is spared it.
    if model == nil { template = GroundingTemplate(question: "{}") }
    switch scale {
    case .tiny:
      self.source = source ?? .scenes(training: 8, test: 4, side: 64)
      (testExpressions, epochs, leastSteps, warmupSteps) = (8, 1, 2, 0)
      pretraining = GroundingPretraining.Plan(scenes: 8, steps: 2)
    case .small:
      self.source = source ?? .scenes(training: 12_000, test: 300, side: 64)
      (sizes, testExpressions, leastSteps, batch) = ([160, 1600, 16_000], 200, 1500, 32)
      learningRate = 1e-3
    case .paper:
      self.source = source ?? .rows([], images: nil)
      (sizes, seeds, testExpressions, batch) = ([127_000], [1, 2, 3], .max, 32)
      scaleKeys = PaperScale()
    }
    grid = Grid(["sft", "vocab", "dist"], by: [Grid.Factor("n", "expressions learnt from", sizes)], seeds: seeds)
  }

  /// D.3: images of 1024 x 1024 pixels. The template is Phi-3.5-vision's. Contrastive examples (A.2) are the toy's alone
  /// (docs/paper-map.md Q15). What makes it fit on a GPU is not the paper's and changes no figure but by rounding.
  private func takePapers(_ settings: inout RunSettings) {
    (settings.data.template, settings.data.squareImages, settings.data.maxLength) = ("phi3-vision", 1024, 4096)
    for index in settings.metrics.indices { settings.metrics[index].contrast = .none }
    (settings.train.layout, settings.train.microBatch) = (.packed(rowLength: 4096), .tokens(4096))
    (settings.train.dtype, settings.train.device) = (.bfloat16, .cuda())
    (settings.train.stateBits, settings.train.checkpointsActivations) = (.eight, true)
  }

  /// Names of all variants that the grid may have.
  public var variants: [String] { Preset.answering.map(\.rawValue) }

  /// Checks what a user can set beyond the grid.
  ///
  /// - Throws: `InputError` naming the option.
  public func check() throws {
    try require(testExpressions > 0, "--test", "a number above 0", testExpressions)
    if case .rows(let files, _) = source {
      try require(!files.isEmpty, "--data", "files of rows, as dist2 new-data grounding takes them", "none")
    }
  }

  /// Writes the files that every run reads.
  public func prepare(in folder: String, _ terminal: Terminal) throws {
    try GroundingFiles(folder: folder, settings: self).prepare(terminal)
  }

  /// A randomly initialised model for each seed; none where a model is given.
  public var stages: [ArtifactStage] {
    guard model == nil else { return [] }
    return [ArtifactStage("learning to see", runs: grid.seeds.map(Self.pretrained), work: pretraining.steps + 1)]
  }

  /// `pretraining-seed1`
  static func pretrained(seed: Int) -> String { "pretraining-seed\(seed)" }

  /// Loss of every step of a randomly initialised model's pretraining.
  public func makeArtifact(_ context: RunContext) throws -> [Double] {
    guard let seed = grid.seeds.first(where: { Self.pretrained(seed: $0) == context.name }) else { return [] }
    return try GroundingFiles(folder: context.folder, settings: self).pretrain(seed: seed, context)
  }

  /// One run of the grid: trains, then tests.
  public func run(_ run: GridRun, _ context: RunContext) throws -> GroundingAnswers {
    let files = GroundingFiles(folder: context.folder, settings: self), data = try files.trainingFile(run)
    // An answer takes about as long as an example in training, so answering counts a tenth.
    let trained = try TrainedRun(
      settings(
        run, model: files.model(seed: run.seed), data: data.path, output: context.emptyOutput(), examples: data.count),
      context, thenPercent: 10)
    trained.say("answering")
    let start = ProcessInfo.processInfo.systemUptime
    let evaluation = GroundingEvaluation(trained.artifacts, trained.model, template)
    var answers = [String: [String]]()
    for split in try files.splits() { answers[split] = try evaluation.outcomes(files.file(split)).map(\.answer) }
    trained.say("done", 1)
    return GroundingAnswers(
      answers: answers, losses: trained.losses, examples: data.count, trainingSeconds: trained.seconds,
      answeringSeconds: ProcessInfo.processInfo.systemUptime - start)
  }

  /// Tables, figures and claims of the runs that are finished.
  public func report(
    _ results: Results<GroundingAnswers>, _ artifacts: [String: [Double]]
  ) throws -> ExperimentReport {
    try GroundingFindings(self, results, GroundingFiles(folder: results.folder, settings: self)).report
  }

  /// The randomly initialised model of a seed: small enough for a core and some minutes.
  func makeModel(seed: Int, at folder: String) throws {
    let language = folder + "-language"
    var decoder = NewLanguageModel(width: 128, layers: 3, heads: 4, seed: UInt64(seed))
    decoder.words = RenderedScenes.words.map { " " + $0 }
    try decoder.write(to: language, replacing: true)
    let vision = VisionConfiguration(
      hiddenSize: 128, intermediateSize: 512, layers: 3, heads: 4, imageSize: side, patchSize: 16)
    try NewVisionModel(vision: vision, seed: UInt64(seed)).write(language: language, to: folder)
  }

  /// The run file of one run.
  package func settings(_ run: GridRun, model: String, data: String, output: String, examples: Int) throws
    -> RunSettings
  {
    let perEpoch = (examples + batch - 1) / batch
    let steps = max(epochs * perEpoch, leastSteps)
    var settings = RunSettings(
      model: model, data: DataSettings(train: DataSource(data)),
      metrics: [MetricSettings(name: "box", tokens: .digits, contrast: .twoPass())],
      objective: try ObjectiveSettings(preset: run.preset, alpha: alpha, temperature: .value(temperature)),
      train: TrainSettings(
        length: .steps(steps), batch: batch, learningRate: learningRate,
        schedule: Schedule(.linear, warmUp: .steps(min(warmupSteps, steps / 10))), samples: 0),
      evaluate: EvaluateSettings(maxNewTokens: 40))
    settings.path = "\(output)/run.yaml"
    if scaleKeys != nil { takePapers(&settings) }
    settings = try settings.setting(overrides)
    (settings.train.seed, settings.output) = (UInt64(run.seed), output)
    return settings
  }
}

/// Result of a run.
public struct GroundingAnswers: Codable, Sendable, Equatable {
  /// What was said to the expressions of each split, in the order of its file.
  public var answers: [String: [String]]
  /// Loss of every step.
  public var losses: [Double]
  /// Expressions learnt from.
  public var examples: Int
  /// Seconds of training.
  public var trainingSeconds: Double
  /// Seconds of answering the test.
  public var answeringSeconds: Double
}
