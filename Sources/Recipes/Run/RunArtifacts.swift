// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
public import MetricTokens
public import Objectives
public import TokenData
import TokenModels
import Torch
import TorchNN
public import Training

/// Everything that a run file sets up before weights are read: tokenizer, token spaces, objective, encoder.
public struct RunArtifacts: TrainingArtifacts {
  /// The run file.
  public let settings: RunSettings
  /// The model's folder.
  public let modelFolder: String
  /// The model's tokenizer.
  public let tokenizer: Tokenizer
  /// The run's metrics as `dist` would have them, one an entry of `settings.metrics`.
  public let distanceLosses: [DistanceLoss]
  /// What is made small in training.
  public let objective: Objective
  /// Teaches numbers as whole values; nil where none are.
  public let teacher: ValueTeacher?
  /// What must be known of the formats that were learnt.
  let formatRemarks: [String]
  /// What a head of scores is trained for; nil for models that answer, which are trained for `objective`.
  public let rating: RatingObjective?
  /// Makes tokens of records.
  public let encoder: ExampleEncoder
  /// The encoder for reading answers out: its metrics are of digits also where numbers are taught whole, and of tokens of
  /// several digits where any of these may be one of a number's.
  let readingEncoder: ExampleEncoder
  /// Largest number of tokens of an example.
  public let maxLength: Int
  /// Ids that the model has embeddings for.
  let modelVocabulary: Int

  /// Puts a run file and a model's folder together.
  ///
  /// - Throws: `InputError` naming the key of what does not fit: the tokenizer has no such tokens, the distance cannot
  ///   rate them, the model has fewer logits.
  public init(_ settings: RunSettings) throws {
    guard !settings.data.areCodes else {
      throw InputError(
        path: settings.path, place: "key data.format", expected: "text", found: "codes",
        remedy: "Models of image codes learn by dist2 train and draw by dist2 image-samples.")
    }
    var settings = try settings.checked().decidingThousands()
    let folder = try Recipes.modelFolder(settings.model)
    modelFolder = folder
    let skeleton = try describeModel(folder: folder)
    tokenizer = try Tokenizer(folder: modelFolder)
    let tokenizer = tokenizer
    for (index, metric) in settings.metrics.enumerated() {
      // Before a space of as many candidates is made.
      let block: (key: String, first: Int, count: Int)
      switch metric.tokens {
      case .codebook(let first, let count): block = ("codebook", first, count)
      case .ids(let first, let count, _, _): block = ("ids", first, count)
      default: continue
      }
      let (key, first, count) = block
      guard count <= skeleton.vocabularySize - min(first, skeleton.vocabularySize) else {
        throw InputError(
          path: settings.path, place: "key metrics[\(index)].tokens.\(key)",
          expected: "ids among the model's \(skeleton.vocabularySize)", found: "\(count) from \(first) on")
      }
    }
    (distanceLosses, objective) = try withTorchErrors {
      let distanceLosses = try settings.distanceLosses { try $0.space(tokenizer, settings.objective.preset) }
      try Self.check(distanceLosses, settings, tokenizer, vocabularySize: skeleton.vocabularySize)
      let objective = try settings.objective(distanceLosses, vocabularySize: skeleton.vocabularySize) {
        try settings.outputEmbeddings(of: skeleton, folder: folder)
      }
      return (distanceLosses, objective)
    }
    modelVocabulary = skeleton.vocabularySize
    rating = try settings.ratingObjective
    if rating != nil, settings.reward == nil {
      throw InputError(
        path: settings.path, place: "key reward",
        expected: "how responses are rated, as objective.preset is \(settings.objective.preset.rawValue)",
        found: "no such key", remedy: "For instance `reward: helpsteer2`: docs/reward-models.md.")
    }
    maxLength = min(settings.data.maxLength ?? skeleton.contextLength, skeleton.contextLength)
    var encoder = try Self.encoder(settings, modelFolder, tokenizer, distanceLosses)
    encoder.modelVocabulary = modelVocabulary
    (teacher, formatRemarks) = try Self.teacher(&settings, encoder, maxLength: maxLength)
    self.settings = settings
    if let seeing = skeleton as? any VisionLanguageModel {
      encoder.images = try ImageTokens(folder: modelFolder, tokenizer, seeing)
      encoder.images?.square = settings.data.squareImages
      if case .interpreted(var own)? = encoder.template {
        own.imageMark = encoder.images?.shown
        encoder.template = .interpreted(own)
      }
    }
    self.encoder = encoder
    readingEncoder = Self.readingEncoder(encoder)
  }

  private static func readingEncoder(_ encoder: ExampleEncoder) -> ExampleEncoder {
    var reading = encoder
    for (index, rule) in encoder.metrics.enumerated() {
      let space = rule.finder.space
      switch space.unit {
      case .character: reading.metrics[index].finder.space = space.digits ?? space
      case .digitRun where encoder.splitter == nil:
        reading.metrics[index].finder.space = (try? .pieces(of: encoder.tokenizer, name: space.name)) ?? space
      case .digit, .digitRun, .number, .piece, .token: break
      }
    }
    return reading
  }

  /// Throws unless the model has an embedding for every candidate.
  private static func check(
    _ distanceLosses: [DistanceLoss], _ settings: RunSettings, _ tokenizer: Tokenizer, vocabularySize: Int
  ) throws(InputError) {
    for (index, distanceLoss) in distanceLosses.enumerated() {
      guard let id = distanceLoss.space.ids.first(where: { Int($0) >= vocabularySize }) else { continue }
      throw .beyondVocabulary(
        id, text: tokenizer.token(of: id), rows: vocabularySize, path: settings.path,
        place: "key metrics[\(index)].tokens")
    }
  }

  /// Reads records as the run file says.
  package var reader: RecordReader {
    var reader = settings.data.reader
    reader.ratings = try? ratings
    let measured = settings.taughtMetrics + settings.histogramMetrics
    reader.measures = Set(measured.compactMap(\.whole.scaleChoice.field))
    reader.widths = Set(
      measured.compactMap { metric in
        if case .field(let name)? = metric.whole.scale { name } else { nil }
      })
    return reader
  }

  /// The examples of a file.
  ///
  /// - Parameter limit: only so many, see `Dataset.Rules.limit`.
  public func dataset(
    _ source: DataSource, limit: Int? = nil, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> Dataset {
    try dataset(source, reader, limit: limit, progress: progress)
  }

  private func dataset(
    _ source: DataSource, _ reader: RecordReader, limit: Int?, progress: (Int, Int) -> Void
  ) throws -> Dataset {
    let data = settings.data
    return try Dataset(
      source,
      Dataset.Rules(
        reader: reader, encoder: encoder, maxLength: maxLength, tooLong: data.tooLong, skipBad: data.skipBad,
        limit: limit, seed: settings.train.seed),
      progress: progress)
  }

  /// The examples of a file or folder; see ``TrainingArtifacts``.
  public func examples(
    _ source: DataSource, limit: Int?, progress: (Int, Int) -> Void
  ) throws -> any RunExamples {
    var reader = reader
    reader.needsMeasures = true
    return try dataset(source, reader, limit: limit, progress: progress)
  }

  /// The model's folder.
  public var tokenizerFolder: String? { modelFolder }

  /// Examples in batches, the way `train` says: for a head that compares, its pairs.
  public func batches(
    _ examples: any RunExamples, shuffled: Bool, share: StepShare, beside references: RunReferences
  ) throws -> any BatchSource {
    let examples: any ExampleCollection =
      if let rating, let dataset = examples as? Dataset {
        try RatedExamples(dataset, rating.loss, ratings.template, settings.objective.margins)
      } else {
        examples
      }
    let train = settings.train, sampler = objective.contrastiveSampler(seed: train.seed)
    return PrefetchedBatches(
      ExampleBatches(
        examples,
        plan: BatchPlan(count: examples.count, batch: train.batch, seed: train.seed, shuffled: shuffled), share: share,
        microBatch: train.microBatch, layout: train.layout, pad: pad,
        twoPass: objective.needsContrastivePass,
        contrastiveExample: sampler.map { sampler in { sampler.contrastiveExample(of: $0, epoch: $1, index: $2) } },
        teaching: teacher.map { teacher in
          { [tokenizer] in try teacher.taught($0, epoch: $1, index: $2, draws: shuffled, writtenBy: tokenizer) }
        },
        images: encoder.images.map { tokens in { try tokens.prepared($0.images, source: $0.source) } }))
  }

  /// Id written into padding. What it is does not matter, but the model looks it up, and some tokenizers' has no
  /// embedding.
  var pad: Int32 { tokenizer.roles.pad.flatMap { Int($0) < modelVocabulary ? $0 : nil } ?? 0 }

  private static func encoder(
    _ settings: RunSettings, _ folder: String, _ tokenizer: Tokenizer, _ distanceLosses: [DistanceLoss]
  ) throws -> ExampleEncoder {
    let data = settings.data
    let rules = zip(settings.metrics, distanceLosses).enumerated().map { index, metric in
      MetricRule(
        MetricFinder(space: metric.1.space, metric: index, grammar: metric.0.grammar), in: metric.0.region)
    }
    let wantsDigits = distanceLosses.contains { $0.space.unit == .digit || $0.space.unit == .character }
    // For plain prompts the template does not matter, so one that is not known must not stop the run.
    let own = try FolderTemplate(folder: folder, tokenizer: tokenizer)
    if data.template == "model", own.known == nil {
      throw own.error(settings.path, place: "key data.template", tokenizer)
    }
    var template = data.template.flatMap(ChatTemplate.init(named:)) ?? (data.template == "none" ? nil : own.known)
    if let date = data.date {
      if case .llama31? = template { template = .llama31(date: date) }
      if case .interpreted(var own)? = template {
        own.date = date
        template = .interpreted(own)
      }
    }
    var encoder = ExampleEncoder(
      tokenizer, metrics: rules, splitter: data.splitDigits ?? wantsDigits ? try DigitSplitter(tokenizer) : nil,
      end: data.end && settings.objective.preset.rating == nil
        ? tokenizer.roles.end ?? tokenizer.roles.ends.first : nil,
      template: template, wrapsPrompts: data.template != nil && data.template != "none")
    encoder.folderTemplate = own
    return encoder
  }
}

extension Dataset: ExampleCollection {}
