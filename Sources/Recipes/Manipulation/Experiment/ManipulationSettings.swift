public import Files
public import Objectives
public import Tabletop
import TokenModels
import TorchNN

/// What is trained and played in the manipulation experiment (section 3.3, Table 2), from text or from pictures.
public struct ManipulationSettings: Codable, Sendable, Equatable {
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
  public var presets: [Preset]
  /// Training episodes.
  public var sizes: [Int]
  public var seeds: [Int]
  /// Tasks, in turn.
  public var kinds: [TaskKind]
  /// Test episodes of each level.
  public var testEpisodes: Int
  /// Answers asked for in an episode at most.
  public var answers: Int
  public var epochs = 2
  /// Training steps at least, so that few episodes are seen often enough; more epochs than ``epochs`` are run then.
  public var leastSteps: Int
  public var batch = 8
  public var learningRate = 2e-5
  public var alpha = 0.1
  /// τ of coordinates and of the angle.
  public var temperature = 2.0
  public var angleTemperature = 1.0
  /// Largest number of new tokens of an answer.
  public var maxNewTokens: Int
  /// Auxiliary tasks that are learnt beside, as many examples of each as of the main task; nil for none.
  package private(set) var auxiliary: [AuxiliaryTask]?
  /// Keys of the run file that the scale sets otherwise, as `key=value`; nil for none.
  var scaleKeys: [String]?
  /// Further keys of the run file, as `key=value`.
  public var overrides: [String] = []

  /// Which test episodes.
  public static let levels: [EpisodeSplit] = [.placement, .combination]

  /// How the table is seen.
  public var observation: PromptForm.Observation {
    get { arePictures == true ? .image : .boxes }
    set { arePictures = newValue == .image ? true : nil }
  }
  /// Nil for boxes: experiments begun before there were pictures say nothing of them.
  private var arePictures: Bool?

  /// The settings of a scale.
  ///
  /// - Parameter observation: how the table is seen; nil: as a picture at the paper's scale, else as boxes.
  public init(_ scale: Scale, model: String, observation: PromptForm.Observation? = nil) {
    let observation = observation ?? (scale == .paper ? .image : .boxes)
    self.model = model
    presets = [.sft, .vocab, .dist]
    arePictures = observation == .image ? true : nil
    switch scale {
    case .tiny:
      (sizes, seeds, kinds) = ([4], [1], [.rotate, .visualManipulation])
      (testEpisodes, answers, leastSteps, maxNewTokens) = (2, 1, 2, 96)
      batch = 2
    case .small:
      (sizes, seeds, kinds) = ([16, 64, 256], [1, 2], [.twist, .sweep, .oldNeighbor, .rearrange])
      (testEpisodes, answers, leastSteps, maxNewTokens) = (60, 1, 24, 288)
      learningRate = 1e-4
      if observation == .image {
        // What boxes would tell must be seen, so that the plainest tasks are no copying; and seeing takes more examples.
        (sizes, kinds) = ([64, 256, 1024], [.rotate, .visualManipulation, .sweep, .oldNeighbor])
      }
    case .paper:
      (sizes, seeds, kinds) = ([800, 8000, 80_000], [1, 2, 3], TaskKind.allCases)
      (testEpisodes, answers, leastSteps, maxNewTokens) = (260, 8, 0, 512)
      (auxiliary, scaleKeys) = (AuxiliaryTask.allCases, Self.paperKeys)
    }
  }

  /// D.3 prints a warm-up of 0.3 of the steps. The template is LLaVA-1.5's. Neighbours (A.2) are the toy's alone (PAPER.md
  /// Q15). What makes it fit on GPUs is not the paper's and changes no figure but by rounding.
  private static let paperKeys = [
    "data.template=llava-v1", "train.warmup=0.3", "metrics.*.contrast=none", "train.dtype=bfloat16",
    "train.device=cuda", "train.optimizer=adamw8bit", "train.checkpointActivations=true",
  ]

  /// Checks values that a user can set.
  ///
  /// - Throws: `InputError` naming the option.
  public func check() throws(InputError) {
    func require(_ condition: Bool, _ option: String, _ expected: String, _ found: Any) throws(InputError) {
      if !condition { throw InputError(path: "<arguments>", place: option, expected: expected, found: "\(found)") }
    }
    let known = presets.allSatisfy { $0.rating == nil }
    func isOnce<T: Hashable>(_ values: [T]) -> Bool { !values.isEmpty && Set(values).count == values.count }
    try require(
      isOnce(presets) && known, "--objectives", "distinct objectives of models that answer", presets.map(\.rawValue))
    try require(isOnce(kinds), "--tasks", "distinct tasks", kinds)
    try checkSizes(sizes)
    try require(isOnce(seeds), "--seeds", "distinct seeds", seeds)
    try require(1...1_000_000 ~= testEpisodes, "--episodes", "1 to 1000000 test episodes", testEpisodes)
    try require(1...1000 ~= answers, "--answers", "1 to 1000 answers", answers)
  }

  /// Throws unless the model can see what it is shown.
  func checkModel() throws {
    guard observation == .image else { return }
    guard try describeModel(folder: model) is any VisionLanguageModel else { throw InputError.cannotSee(model) }
  }

  /// How prompts are written: without the rules, which never change. Scenes of the task are text in any case, and say
  /// what a picture of them would show.
  public var form: PromptForm { PromptForm(observation: observation, rules: false, headings: true) }

  /// Training data of a cell: a file of its own, since cells run side by side. Objectives of one seed have equal ones.
  func dataFile(_ folder: String, _ cell: ManipulationCell) -> String {
    pictureFolder(folder, cell).map { $0 + "/train.jsonl" } ?? "\(folder)/data/\(cell.name).jsonl"
  }

  /// Where a cell that sees keeps its data and pictures while it runs; nil for one that reads.
  func pictureFolder(_ folder: String, _ cell: ManipulationCell) -> String? {
    observation == .image ? "\(folder)/data/\(cell.name)" : nil
  }

  /// The first episode of a seed: no two seeds share one.
  func firstEpisode(_ seed: Int) -> Int { (seed - 1) * (sizes.max() ?? 0) }

  /// The run file of one cell. Configs/manipulation/text.yaml is the same with comments.
  package func run(_ cell: ManipulationCell, data: String, output: String, examples: Int) throws -> RunSettings {
    let perEpoch = (examples + batch - 1) / batch
    let steps = max(epochs * perEpoch, leastSteps)
    func metric(_ name: String, _ marks: JSON, _ more: JSON = .null) -> JSON {
      let metric: JSON = ["name": .string(name), "tokens": "digits", "where": ["marks": marks]]
      return metric.replacing("temperature", with: more).replacing("contrast", with: ["radius": 1])
    }
    let tree: JSON = [
      "model": .string(model), "data": ["train": .string(data)],
      "metrics": [
        metric("x", ["<b>(", ","]), metric("y", [", ", ")</b>"]),
        metric("angle", ["<r>[", "]</r>"], .double(angleTemperature)),
      ],
      "objective": [
        "preset": .string(cell.preset.rawValue), "alpha": .double(alpha), "temperature": .double(temperature),
      ],
      "train": [
        "steps": .int(steps), "batch": .int(batch), "microTokens": 2048, "learningRate": .double(learningRate),
        "schedule": "cosine", "warmup": .double(0.03), "samples": 0, "checkpointEvery": .int(max(1, steps / 8)),
        "keep": 1,
      ],
      "evaluate": ["maxNewTokens": .int(maxNewTokens)],
    ]
    return try RunSettings(
      tree: tree, path: "\(output)/run.yaml", overrides: (scaleKeys ?? []) + overrides,
      values: [("train.seed", .int(cell.seed)), ("output", .string(output))])
  }

  /// Every cell, seeds outermost: an interrupted experiment then holds whole seeds.
  public var cells: [ManipulationCell] {
    seeds.flatMap { seed in
      sizes.flatMap { size in presets.map { ManipulationCell(preset: $0, size: size, seed: seed) } }
    }
  }

  /// The test episodes of a level, the same for all cells.
  func episodes(_ level: EpisodeSplit) -> [Episode] {
    Episode.list(level, kinds: kinds, count: testEpisodes).map { Episode($0.kind, level, seed: $0.seed) }
  }
}

/// One training run and its games.
public struct ManipulationCell: Codable, Sendable, Hashable {
  public var preset: Preset
  /// Training episodes.
  public var size: Int
  public var seed: Int

  /// `dist-n160-seed1`
  public var name: String { "\(preset.rawValue)-n\(size)-seed\(seed)" }
}

/// What a cell came to.
public struct ManipulationOutcome: Codable, Sendable, Equatable {
  public var cell: ManipulationCell
  public var trials: [PolicyTrial]
  /// Loss of every step.
  public var losses: [Double]
  public var examples: Int
  /// Those of the process that finished it; one that was interrupted took more.
  public var trainingSeconds: Double
  public var playingSeconds: Double
}
