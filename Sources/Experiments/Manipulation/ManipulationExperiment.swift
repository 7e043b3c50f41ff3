// SPDX-License-Identifier: Apache-2.0
package import Recipes
import TaskData
import Files
import Foundation
import MetricTokens
import Objectives
import Reports
public import Tabletop
import TokenData
import TokenModels
import Torch
import TorchNN
import Training

/// The manipulation experiment (section 3.3, Table 2), from text or from images.
public struct ManipulationExperiment: Experiment {
  /// `manipulation`, as `dist2 reproduce` and its processes name it.
  public static let name = "manipulation"

  /// How much.
  public enum Scale: String, Codable, Sendable, CaseIterable {
    /// A minute, to see that everything works; its figures say nothing.
    case tiny
    /// Some hours of two cores: four tasks whose numbers are not all in the prompt. (Putting and rotating need only be
    /// copied from boxes: twenty steps of two examples solve them.)
    case small
    /// The paper's settings: all thirteen tasks and LLaRA's sizes and auxiliary tasks, for LLaVA-1.5 on GPUs.
    case paper
  }

  /// Folder of the model.
  public var model: String
  /// Objectives, training episodes, and seeds.
  public var grid: Grid
  /// Tasks, in turn.
  public var kinds: [TaskKind]
  /// Test episodes of each level.
  public var testEpisodes: Int
  /// Answers asked for in an episode at most.
  public var answers: Int
  /// Passes over the training data; see ``leastSteps``.
  public var epochs = 2
  /// Training steps at least, so that few episodes are seen often enough; more epochs than ``epochs`` are run then.
  public var leastSteps: Int
  /// Examples of an optimizer step.
  public var batch = 8
  /// Peak learning rate.
  public var learningRate = 2e-5
  /// α
  public var alpha = 0.1
  /// τ of coordinates and of the angle.
  public var temperature = 2.0
  /// τ of the angle.
  public var angleTemperature = 1.0
  /// Largest number of new tokens of an answer.
  public var maxNewTokens: Int
  /// Auxiliary tasks that are learnt beside, as many examples of each as of the main task; nil for none.
  package private(set) var auxiliary: [AuxiliaryTask]?
  /// Whether the scale takes the paper's settings of runs; nil: this project's own.
  var scaleKeys: PaperScale?
  /// Further keys of the run file, as `key=value`.
  public var overrides: [String] = []

  /// Which test episodes.
  public static let levels: [EpisodeSplit] = [.placement, .combination]

  /// How the table is seen.
  public var observation: PromptTemplate.Observation {
    get { areImages == true ? .image : .boxes }
    set { areImages = newValue == .image ? true : nil }
  }
  /// Nil for boxes: experiments begun before there were images say nothing of them.
  private var areImages: Bool?

  /// The settings of a scale.
  ///
  /// - Parameter observation: how the table is seen; nil: as an image at the paper's scale, else as boxes.
  public init(_ scale: Scale, model: String, observation: PromptTemplate.Observation? = nil) {
    let observation = observation ?? (scale == .paper ? .image : .boxes)
    self.model = model
    var (sizes, seeds) = ([4], [1])
    areImages = observation == .image ? true : nil
    switch scale {
    case .tiny:
      kinds = [.rotate, .visualManipulation]
      (testEpisodes, answers, leastSteps, maxNewTokens) = (2, 1, 2, 96)
      batch = 2
    case .small:
      (sizes, seeds, kinds) = ([16, 64, 256], [1, 2], [.twist, .sweep, .oldNeighbor, .rearrange])
      (testEpisodes, answers, leastSteps, maxNewTokens) = (60, 1, 24, 288)
      learningRate = 1e-4
      if observation == .image {
        // What boxes would tell must be seen, so that the plainest tasks are no copying; and seeing takes more
        // examples.
        (sizes, kinds) = ([64, 256, 1024], [.rotate, .visualManipulation, .sweep, .oldNeighbor])
      }
    case .paper:
      (sizes, seeds, kinds) = ([800, 8000, 80_000], [1, 2, 3], TaskKind.allCases)
      (testEpisodes, answers, leastSteps, maxNewTokens) = (260, 8, 0, 512)
      (auxiliary, scaleKeys) = (AuxiliaryTask.allCases, PaperScale())
    }
    grid = Grid(["sft", "vocab", "dist"], by: [Grid.Factor("n", "episodes learnt from", sizes)], seeds: seeds)
  }

  /// D.3 prints a warm-up of 0.3 of the steps. The template is LLaVA-1.5's. Contrastive examples (A.2) are the toy's alone
  /// (docs/paper-map.md Q15). What makes it fit on GPUs is not the paper's and changes no figure but by rounding.
  private func takePapers(_ settings: inout RunSettings) {
    settings.data.template = "llava-v1"
    settings.train.schedule.warmUp = .ratio(0.3)
    for index in settings.metrics.indices { settings.metrics[index].contrast = .none }
    (settings.train.dtype, settings.train.device) = (.bfloat16, .cuda())
    (settings.train.stateBits, settings.train.checkpointsActivations) = (.eight, true)
  }

  /// Names of all variants that the grid may have.
  public var variants: [String] { Preset.answering.map(\.rawValue) }

  /// Checks what a user can set beyond the grid.
  ///
  /// - Throws: `InputError` naming the option.
  public func check() throws {
    try require(!kinds.isEmpty && Set(kinds).count == kinds.count, "--tasks", "distinct tasks", kinds)
    try require(1...1_000_000 ~= testEpisodes, "--episodes", "1 to 1000000 test episodes", testEpisodes)
    try require(1...1000 ~= answers, "--answers", "1 to 1000 answers", answers)
  }

  /// Throws unless the model can see what it is shown.
  public func checkInputs() throws {
    guard observation == .image else { return }
    guard try describeModel(folder: model) is any VisionLanguageModel else { throw InputError.cannotSee(model) }
  }

  /// How prompts are written: without the rules, which never change. Scenes of the task are text in any case, and say
  /// what an image of them would show.
  public var template: PromptTemplate { PromptTemplate(observation: observation, rules: false, headings: true) }

  /// One run of the grid: trains, then tests.
  public func run(_ run: GridRun, _ context: RunContext) throws -> ManipulationOutcome {
    // A file of its own, since runs work side by side. Those of one seed and size have equal ones.
    let folder = "\(context.folder)/data/\(context.name)", data = folder + "/train.jsonl"
    // A model that is asked once never reads a history.
    let writer = ExampleWriter(template: template, withHistory: answers > 1, auxiliary: auxiliary ?? [])
    let examples = try ManipulationData(writer, kinds: kinds)
      .write(.train, episodes: run.count, from: firstEpisode(run.seed), to: data)
    // A quarter of the time goes into playing, more or less.
    let trained = try TrainedRun(
      settings(run, data: data, output: context.output, examples: examples), context, thenPercent: 25,
      isResumable: true)
    let start = ProcessInfo.processInfo.systemUptime
    let trials = try play(trained, in: folder)
    trained.say("done", 1)
    return ManipulationOutcome(
      trials: trials, losses: trained.losses, examples: examples, trainingSeconds: trained.seconds,
      playingSeconds: ProcessInfo.processInfo.systemUptime - start)
  }

  /// Lets the model play the test episodes of all levels. Images are deleted then: they are many, and can be made
  /// again.
  private func play(_ trained: TrainedRun<RunArtifacts>, in folder: String) throws -> [PolicyTrial] {
    let prompted = PromptedModel(model: trained.model, answering: Answering(trained.artifacts))
    // Episodes may be over early.
    let most = Self.levels.count * testEpisodes * answers
    var answered = 0
    trained.say("playing")
    var played = observation == .image ? TableImages(folder: folder + "/played") : nil
    let trials = try Self.levels.flatMap { level in
      try PolicyTest(template: template, answers: answers).play(episodes(level)) { questions in
        try prompted.answers(to: questions, showing: &played) {
          answered += 1
          trained.say("playing", answered, of: most)
        }
      }
    }
    if observation == .image { try removeTree(folder) }
    return trials
  }

  /// Tables, figures and claims of the runs that are finished.
  public func report(
    _ results: Results<ManipulationOutcome>, _ artifacts: [String: NoArtifact]
  ) throws -> ExperimentReport { ManipulationFindings(self, results).report }

  /// The first episode of a seed: no two seeds share one.
  func firstEpisode(_ seed: Int) -> Int { (seed - 1) * (grid.sizes.compactMap { Int(exactly: $0) }.max() ?? 0) }

  /// The run file of one run. Configs/manipulation/text.yaml is the same with comments.
  package func settings(_ run: GridRun, data: String, output: String, examples: Int) throws -> RunSettings {
    let perEpoch = (examples + batch - 1) / batch
    let steps = max(epochs * perEpoch, leastSteps)
    func metric(_ name: String, _ open: String, _ close: String, temperature: Double? = nil) -> MetricSettings {
      MetricSettings(
        name: name, tokens: .digits, in: .delimiters(Delimiters(open, close)),
        temperature: temperature.map { .value($0) }, contrast: .twoPass())
    }
    var settings = RunSettings(
      model: model, data: DataSettings(train: DataSource(data)),
      metrics: [
        metric("x", "<b>(", ","), metric("y", ", ", ")</b>"),
        metric("angle", "<r>[", "]</r>", temperature: angleTemperature),
      ],
      objective: try ObjectiveSettings(preset: run.preset, alpha: alpha, temperature: .value(temperature)),
      train: TrainSettings(
        length: .steps(steps), batch: batch, microBatch: .tokens(2048), learningRate: learningRate,
        schedule: Schedule(.cosine, warmUp: .ratio(0.03)), checkpointEvery: max(1, steps / 8), keep: 1, samples: 0),
      evaluate: EvaluateSettings(maxNewTokens: maxNewTokens))
    settings.path = "\(output)/run.yaml"
    if scaleKeys != nil { takePapers(&settings) }
    settings = try settings.setting(overrides)
    (settings.train.seed, settings.output) = (UInt64(run.seed), output)
    return settings
  }

  /// The test episodes of a level, the same for all runs.
  func episodes(_ level: EpisodeSplit) -> [Episode] {
    Episode.list(level, kinds: kinds, count: testEpisodes).map { Episode($0.kind, level, seed: $0.seed) }
  }
}

/// Result of a run.
public struct ManipulationOutcome: Codable, Sendable, Equatable {
  /// How each test episode went.
  public var trials: [PolicyTrial]
  /// Loss of every step.
  public var losses: [Double]
  /// Examples learnt from.
  public var examples: Int
  /// Those of the process that finished it; one that was interrupted took more.
  public var trainingSeconds: Double
  /// Seconds of playing the test episodes.
  public var playingSeconds: Double
}
