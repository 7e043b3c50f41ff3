public import Files
public import Objectives
import TokenModels

/// What is trained and asked in the grounding experiment (section 3.2, Table 1).
public struct GroundingSettings: Codable, Sendable, Equatable {
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
    /// Plain scenes of our own: so many pictures to learn from and so many to be tested on, of this side in pixels.
    case scenes(training: Int, test: Int, side: Int)
    /// Files of rows, and the folder of their pictures; rows of the split `train` are learnt from, all others tested on.
    case rows([String], pictures: String?)
  }

  public var source: Source
  /// Folder of a model that sees; nil: a fresh small one for each seed.
  public var model: String?
  /// What a fresh model is taught first.
  var school = GroundingSchool.Plan(scenes: 24_000, steps: 8000)
  /// Rows, and pixels of a row, of the pictures that a fresh model reads.
  public var side = 64
  public var presets: [Preset]
  /// Expressions learnt from; all there are, where there are fewer.
  public var sizes: [Int]
  public var seeds: [Int]
  /// Expressions asked of each split at most.
  public var testExpressions: Int
  public var epochs = 3
  /// Training steps at least, so that few expressions are seen often enough; more epochs than ``epochs`` are run then.
  public var leastSteps = 0
  public var batch = 8
  public var learningRate = 2e-5
  /// Steps of linear warmup (D.3: 100).
  public var warmupSteps = 100
  public var alpha = 0.1
  public var temperature = 2.0
  public var form = GroundingForm()
  /// Keys of the run file that the scale sets otherwise, as `key=value`; nil for none.
  var scaleKeys: [String]?
  /// Further keys of the run file, as `key=value`.
  public var overrides: [String] = []

  /// The settings of a scale.
  public init(_ scale: Scale, source: Source? = nil, model: String? = nil) {
    self.model = model
    presets = [.sft, .vocab, .dist]
    // The question never changes, so a model without schooling is spared it.
    if model == nil { form = GroundingForm(question: "{}") }
    switch scale {
    case .tiny:
      self.source = source ?? .scenes(training: 8, test: 4, side: 64)
      (sizes, seeds, testExpressions, epochs, leastSteps, warmupSteps) = ([8], [1], 8, 1, 2, 0)
      school = GroundingSchool.Plan(scenes: 8, steps: 2)
    case .small:
      self.source = source ?? .scenes(training: 12_000, test: 300, side: 64)
      (sizes, seeds, testExpressions, leastSteps, batch) = ([160, 1600, 16_000], [1], 200, 1500, 32)
      learningRate = 1e-3
    case .paper:
      self.source = source ?? .rows([], pictures: nil)
      (sizes, seeds, testExpressions, batch) = ([127_000], [1, 2, 3], .max, 32)
      scaleKeys = Self.paperKeys
    }
  }

  /// D.3: pictures of 1024 x 1024 pixels. The template is Phi-3.5-vision's. Neighbours (A.2) are the toy's alone
  /// (PAPER.md Q15). What makes it fit on a GPU is not the paper's and changes no figure but by rounding.
  private static let paperKeys = [
    "data.template=phi3-vision", "data.squarePictures=1024", "data.maxLength=4096", "metrics.*.contrast=none",
    "train.packing=4096", "train.microTokens=4096", "train.dtype=bfloat16", "train.device=cuda",
    "train.optimizer=adamw8bit", "train.checkpointActivations=true",
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
    try checkSizes(sizes)
    try require(isOnce(seeds), "--seeds", "distinct seeds", seeds)
    try require(testExpressions > 0, "--test", "a number above 0", testExpressions)
    if case .rows(let files, _) = source {
      try require(!files.isEmpty, "--data", "files of rows, as dist2 new-data grounding takes them", "none")
    }
  }

  /// Every cell, seeds outermost: an interrupted experiment then holds whole seeds.
  public var cells: [GroundingCell] {
    seeds.flatMap { seed in
      sizes.flatMap { size in presets.map { GroundingCell(preset: $0, size: size, seed: seed) } }
    }
  }

  /// Names of the cells that school the fresh models, before all others.
  var schooling: [String] { model == nil ? seeds.map(Self.schooling) : [] }

  /// `school-seed1`
  static func schooling(seed: Int) -> String { "school-seed\(seed)" }

  /// The fresh model of a seed: small enough for a core and some minutes.
  func makeModel(seed: Int, at folder: String) throws {
    let language = folder + "-language"
    var decoder = NewLanguageModel(width: 128, layers: 3, heads: 4, seed: UInt64(seed))
    decoder.words = RenderedScenes.words.map { " " + $0 }
    try decoder.write(to: language, replacing: true)
    let vision = VisionConfiguration(
      hiddenSize: 128, innerSize: 512, layers: 3, heads: 4, imageSize: side, patchSize: 16)
    try NewVisionModel(vision: vision, seed: UInt64(seed)).write(language: language, to: folder)
  }

  /// The run file of one cell.
  package func run(_ cell: GroundingCell, model: String, data: String, output: String, examples: Int) throws
    -> RunSettings
  {
    let perEpoch = (examples + batch - 1) / batch
    let steps = max(epochs * perEpoch, leastSteps)
    let tree: JSON = [
      "model": .string(model), "data": ["train": .string(data)],
      "metrics": [
        ["name": "box", "tokens": "digits", "distance": "squared", "place": "number", "contrast": ["radius": 1]]
      ],
      "objective": [
        "preset": .string(cell.preset.rawValue), "alpha": .double(alpha), "temperature": .double(temperature),
      ],
      "train": [
        "steps": .int(steps), "batch": .int(batch), "learningRate": .double(learningRate), "schedule": "linear",
        "warmup": .int(min(warmupSteps, steps / 10)), "samples": 0,
      ],
      "evaluate": ["maxNewTokens": 40],
    ]
    return try RunSettings(
      tree: tree, path: "\(output)/run.yaml", overrides: (scaleKeys ?? []) + overrides,
      values: [("train.seed", .int(cell.seed)), ("output", .string(output))])
  }
}

/// One training run and its answers.
public struct GroundingCell: Codable, Sendable, Hashable {
  public var preset: Preset
  /// Expressions learnt from.
  public var size: Int
  public var seed: Int

  /// `dist-n1600-seed1`
  public var name: String { "\(preset.rawValue)-n\(size)-seed\(seed)" }
}

/// What is kept of a cell.
public enum GroundingResult: Codable, Sendable, Equatable {
  /// Loss of every step of a fresh model's schooling.
  case schooled(losses: [Double])
  case answered(GroundingCellOutcome)
}

/// What a cell came to.
public struct GroundingCellOutcome: Codable, Sendable, Equatable {
  public var cell: GroundingCell
  /// What was said to the expressions of each split, in the order of its file.
  public var answers: [String: [String]]
  /// Loss of every step.
  public var losses: [Double]
  /// Expressions learnt from.
  public var examples: Int
  public var trainingSeconds: Double
  public var answeringSeconds: Double
}

/// Numbers of examples to learn from, as experiments by size take them.
///
/// - Throws: `InputError` naming `--sizes` for none, one twice, or what no file could hold.
func checkSizes(_ sizes: [Int]) throws(InputError) {
  guard !sizes.isEmpty, Set(sizes).count == sizes.count, sizes.allSatisfy({ 1...1_000_000_000 ~= $0 }) else {
    throw InputError(
      path: "<arguments>", place: "--sizes", expected: "distinct numbers from 1 to 1000000000", found: "\(sizes)")
  }
}
