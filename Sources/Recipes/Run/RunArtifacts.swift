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
    var settings = settings.decidingThousands()
    modelFolder = try Recipes.modelFolder(settings.model)
    let skeleton = try describeModel(folder: modelFolder)
    tokenizer = try Tokenizer(folder: modelFolder)
    let tokenizer = tokenizer
    for (index, metric) in settings.metrics.enumerated() {
      // Before a space of as many candidates is made.
      guard case .codebook(let first, let count) = metric.tokens else { continue }
      guard count <= skeleton.vocabularySize - min(first, skeleton.vocabularySize) else {
        throw InputError(
          path: settings.path, place: "key metrics[\(index)].tokens.codebook",
          expected: "ids among the model's \(skeleton.vocabularySize)", found: "\(count) from \(first) on")
      }
    }
    (distanceLosses, objective) = try withTorchErrors {
      let distanceLosses = try settings.distanceLosses { try $0.space(tokenizer, settings.objective.preset) }
      try Self.check(distanceLosses, settings, tokenizer, vocabularySize: skeleton.vocabularySize)
      return (distanceLosses, try settings.objective(distanceLosses, vocabularySize: skeleton.vocabularySize))
    }
    modelVocabulary = skeleton.vocabularySize
    rating = settings.objective.preset.rating.map { RatingObjective($0) }
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
    reader.measures = Set(settings.taughtMetrics.compactMap(\.whole.scaleChoice.field))
    reader.widths = Set(
      settings.taughtMetrics.compactMap { metric in
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
  public func batches(_ examples: any RunExamples, shuffled: Bool) throws -> any BatchSource {
    let examples: any ExampleCollection =
      if let rating, let dataset = examples as? Dataset {
        try RatedExamples(dataset, rating.loss, ratings.template)
      } else {
        examples
      }
    let train = settings.train, sampler = objective.contrastiveSampler(seed: train.seed)
    // What padding is does not matter, but the model looks it up, and some tokenizers' has no embedding.
    let pad = tokenizer.roles.pad.flatMap { Int($0) < modelVocabulary ? $0 : nil }
    return PrefetchedBatches(
      ExampleBatches(
        examples,
        plan: BatchPlan(count: examples.count, batch: train.batch, seed: train.seed, shuffled: shuffled),
        microBatch: train.microBatch, layout: train.layout, pad: pad ?? 0,
        twoPass: objective.needsContrastivePass,
        contrastiveExample: sampler.map { sampler in { sampler.contrastiveExample(of: $0, epoch: $1, index: $2) } },
        teaching: teacher.map { teacher in
          { [tokenizer] in try teacher.taught($0, epoch: $1, index: $2, draws: shuffled, writtenBy: tokenizer) }
        },
        images: encoder.images.map { tokens in { try tokens.prepared($0.images, source: $0.source) } }))
  }

  /// How numbers are taught whole, their formats learnt where the run file does not say them, and kept in it.
  private static func teacher(
    _ settings: inout RunSettings, _ encoder: ExampleEncoder, maxLength: Int
  ) throws -> (teacher: ValueTeacher?, remarks: [String]) {
    var remarks = [String]()
    var taught = [ValueRule?](repeating: nil, count: settings.metrics.count)
    for (index, metric) in settings.metrics.enumerated() where metric.whole.areTaught(by: settings.objective.preset) {
      let rule = encoder.metrics[index], space = rule.finder.space
      let distance = try metric.valueDistance(settings.path)
      let format: ValueFormat, scale: ValueScale
      if let known = metric.whole.format, let given = metric.whole.scale {
        (format, scale) = (known, given)
      } else {
        let learner = FormatLearner(reader: settings.data.reader, source: try settings.trainFile)
        let learnt = try learner.format(of: rule, metric: metric.name)
        format = metric.whole.format ?? learnt.format
        scale = metric.whole.scaleChoice.scale(width: learnt.width(distance))
        if metric.whole.format == nil, let remark = learnt.remark(metric: metric.name) { remarks.append(remark) }
      }
      settings.keep(format, scale, ofMetric: index)
      let tries =
        space.unit != .piece
        ? []
        : try settings.naming("metrics[\(index)].tokens") { try encoder.tries(format, over: space) }
      taught[index] = try metric.valueRule(
        space, format, scale, settings.objective.preset, tries: tries, path: settings.path)
    }
    guard taught.contains(where: { $0 != nil }) else { return (nil, remarks) }
    return (ValueTeacher(taught, seed: settings.train.seed, maxLength: maxLength), remarks)
  }

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

extension RunSettings {
  /// The metrics over their token spaces.
  ///
  /// - Parameter codeBook: where embeddings are, if a distance names no file of its own.
  /// - Throws: `InputError` naming the key.
  func distanceLosses(
    codeBook: String? = nil, _ space: (MetricSettings) throws -> TokenSpace
  ) throws -> [DistanceLoss] {
    try metrics.enumerated().map { index, metric in
      let key = "metrics[\(index)]"
      let space = try naming("\(key).tokens") { try space(metric) }
      let temperature = metric.temperature == nil ? "objective.temperature" : "\(key).temperature"
      return try naming("\(key).distance", temperature: temperature) {
        try metric.distanceLoss(space, objective, codeBook: codeBook)
      }
    }
  }

  /// Loss to minimise.
  ///
  /// - Throws: `InputError` naming the key.
  func objective(_ distanceLosses: [DistanceLoss], vocabularySize: Int) throws -> Objective {
    for (index, distanceLoss) in distanceLosses.enumerated() {
      try naming("metrics[\(index)].tokens") { try distanceLoss.space.check(vocabularySize: vocabularySize) }
    }
    return try naming("objective.preset") {
      let objective = try Objective(
        objective.preset, distanceLosses: distanceLosses, alpha: objective.alpha, smoothing: objective.smoothing,
        weights: metrics.map(\.weight), reduction: objective.reduction)
      try objective.check(vocabularySize: vocabularySize)
      return objective
    }
  }
}

extension MetricSettings {
  /// The distance loss of this metric, as preset `dist` would have it.
  ///
  /// - Parameter codeBook: where embeddings are, if the distance names no file of its own.
  func distanceLoss(_ space: TokenSpace, _ objective: ObjectiveSettings, codeBook: String? = nil) throws -> DistanceLoss
  {
    if space.unit == .character || space.unit == .piece {
      let replaces = (whole.crossEntropy ?? objective.preset.crossEntropy) == .replaced
      // Without cross entropy only the vocabulary's softmax keeps a model to the characters of numbers.
      return try DistanceLoss(
        space, target: .oneHot, softmax: replaces ? .vocabulary : objective.softmax, name: name)
    }
    return try DistanceLoss(
      space,
      target: TargetDistribution(makeDistance(codeBook), temperature: temperature ?? objective.temperature),
      softmax: objective.softmax, direction: objective.direction, place: place, contrast: contrast, name: name)
  }

  /// - Parameter preset: whether numbers are taught whole, and so need all characters that they are written with.
  fileprivate func space(_ tokenizer: Tokenizer, _ preset: Preset) throws -> TokenSpace {
    if whole.areTaught(by: preset) {
      switch tokens {
      case .digits: return try .characters(of: tokenizer, name: name)
      case .numbers: return try .pieces(of: tokenizer, name: name)
      case .integers, .scores, .labels, .bins, .codebook:
        throw TokenSpaceError(
          space: name, problem: "whole values are written with digits, not with tokens of their own",
          remedy: "Take tokens: digits, tokens: numbers, or preset dist, which takes any.")
      }
    }
    return switch tokens {
    case .digits: try .digits(of: tokenizer, spacing: spacing, name: name)
    case .numbers: try .numbers(of: tokenizer, spacing: spacing, duplicates: duplicates, name: name)
    case .scores(let range):
      // The digits that occur, where the numbers are no tokens: exact either way.
      try (try? .integers(range, of: tokenizer, spacing: spacing, name: name))
        ?? .digits(of: tokenizer, spacing: spacing, name: name)
    case .integers(let range): try .integers(range, of: tokenizer, spacing: spacing, name: name)
    case .labels(let texts): try .labels(texts, of: tokenizer, name: name)
    case .bins(let bins): try .bins(bins.map { ($0.token, $0.value) }, of: tokenizer, name: name)
    case .codebook(let first, let count): try .all(count, firstID: Int32(clamping: first), name: name)
    }
  }

  private func makeDistance(_ codeBook: String?) throws -> any Distance {
    try DistanceRegistry.make(
      distance.name,
      DistanceParameters(
        period: distance.period, table: distance.table, codeBook: try distance.codeBook(or: codeBook),
        original: distance.original, seed: UInt64(distance.seed)))
  }
}

extension MetricSettings.DistanceChoice {
  fileprivate func codeBook(or other: String?) throws -> CodeBook? {
    guard let embeddings = embeddings ?? other else { return nil }
    if fileExists(embeddings + "/config.json") {
      let model = try VQModel(folder: embeddings)
      return try CodeBook(withTorchErrors { model.codeBook })
    }
    let file = try SafetensorsFile(embeddings)
    guard let stored = tensor.map({ file[$0] }) ?? file.tensors.first else {
      throw InputError(
        path: embeddings, expected: "a tensor \(tensor ?? "")", found: file.tensors.map(\.name).joined(separator: ", "),
        remedy: "Name one of these in distance.tensor.")
    }
    return try CodeBook(withTorchErrors { try Tensor(stored, copying: true).to(.float32) })
  }
}
