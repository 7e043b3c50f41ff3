// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import TokenData
import TorchNN

/// Reads out the distributions of the numbers that a model writes where right answers have them.
package struct NumberReading {
  /// The numbers that are read, the first of the first metric among them.
  let numbers: [ReadableNumber]
  /// Mass that may be left out of a distribution to read less.
  static let spare = 0.001
  /// Below this the distribution says less than its figures pretend.
  package static let enough = 0.99

  private let width: Int
  private let encoder: ExampleEncoder

  /// From the formats that are stored with a run, else from the run file's `evaluate.number`, else from its training
  /// answers; never from the answers that are read.
  ///
  /// - Parameter run: where formats may be stored.
  /// - Throws: `InputError` if no metric has values, or nothing says how numbers are written.
  init(_ artifacts: RunArtifacts, run: RunFolder? = nil) throws {
    encoder = artifacts.readingEncoder
    width = artifacts.settings.evaluate.width
    guard encoder.metrics.contains(where: { $0.finder.space.writesNumbers }) else {
      throw InputError(
        path: artifacts.settings.path, place: "key metrics", expected: "a metric whose tokens have values",
        found: "none", remedy: "Without one there is no distribution to read out: evaluate.distribution: false.")
    }
    numbers = try Self.formats(artifacts, run).map { try ReadableNumber($0, artifacts) }
  }

  private static func formats(_ artifacts: RunArtifacts, _ run: RunFolder?) throws -> [AnswerFormat] {
    let metrics = artifacts.readingEncoder.metrics
    guard let first = metrics.firstIndex(where: { $0.finder.space.writesNumbers }) else { return [] }
    if let number = artifacts.settings.evaluate.number {
      return [
        try AnswerFormat(
          number, metric: artifacts.settings.metrics[first].name, tokens: metrics[first].finder.space,
          artifacts.tokenizer,
          ends: artifacts.encoder.ends.starts(artifacts.tokenizer), artifacts.settings.path)
      ]
    }
    let stored = try run?.storedNumbers() ?? []
    let fits = stored.allSatisfy { format in
      guard let metric = artifacts.settings.metrics.firstIndex(where: { $0.name == format.metric }) else {
        return false
      }
      let unit = metrics[metric].finder.space.unit
      return (format.digits != nil) == (unit == .digit) && (format.pieces != nil) == (unit == .piece)
    }
    if fits, !stored.isEmpty { return stored }
    guard let source = artifacts.settings.data.train, source.exists else {
      throw InputError(
        path: artifacts.settings.path, place: "key data.train",
        expected: "training answers, from which it is known how numbers are written",
        found: artifacts.settings.data.train.map { "no file \($0.path)" } ?? "no such key",
        remedy: "Name the file, or say it: evaluate.number: { digits: [1, 3] }.")
    }
    return try AnswerFormat.learn(artifacts, from: source)
  }

  /// Distributions of numbers after prompts.
  ///
  /// - Parameters:
  ///   - answered: each item's record with the answer along which later numbers are read; nil for none.
  ///   - images: the images of some items.
  /// - Returns: a list for each item, in the order of ``numbers``; nil where the answer has no such number.
  func distributions(
    _ scorer: Scorer, of items: [EvaluationItem], along answered: (Int) throws -> Record?, budget: Int,
    images: ([EvaluationItem]) -> PromptImages?
  ) throws -> [[NumberDistribution?]] {
    var beginnings = items.map { _ in [NumberSlot: [Int32]]() }
    if numbers.contains(where: \.format.followsAnswer) {
      for index in items.indices { beginnings[index] = try answered(index).map(openings) ?? [:] }
    }
    var found = items.map { _ in [NumberDistribution?](repeating: nil, count: numbers.count) }
    for (column, number) in numbers.enumerated() {
      let rows = items.indices.filter { !number.format.followsAnswer || beginnings[$0][number.slot] != nil }
      guard !rows.isEmpty else { continue }
      let distributions = try scorer.distributions(
        over: number.space,
        after: rows.map { items[$0].ids + (beginnings[$0][number.slot] ?? []) + number.format.before }, width: width,
        selection: number.estimate == .mode ? .mostProbable : .systematicSample, spare: Self.spare,
        tokenBudget: max(budget, 8192),
        images: images(rows.map { items[$0] }))
      for (row, distribution) in zip(rows, distributions) { found[row][column] = distribution }
    }
    return found
  }

  /// What an answer says before each of its numbers. One that cannot be encoded has none.
  private func openings(_ record: Record) -> [NumberSlot: [Int32]] {
    guard let written = try? WrittenNumber.all(of: record, encoder) else { return [:] }
    return written.reduce(into: [:]) { openings, entry in
      guard case .success(let number) = entry.number,
        let read = numbers.first(where: { $0.slot == entry.slot }), read.format.followsAnswer
      else { return }
      openings[entry.slot] = number.head.dropLast(number.opening)
    }
  }

  /// What must be said of distributions: of answers that have none, and of those that hold too little of the model's
  /// belief.
  func remarks(_ records: [PredictionRecord], _ tokenizer: Tokenizer) -> [String] {
    numbers.compactMap { missing($0, records) } + [sparse(records.flatMap(\.beliefs), tokenizer)].compactMap { $0 }
  }

  private func missing(_ number: ReadableNumber, _ records: [PredictionRecord]) -> String? {
    let name = "number \(number.slot.place + 1) of metric \(number.format.metric)"
    let without = records.count { record in
      !record.beliefs.contains { $0.metric == number.format.metric && $0.place == number.format.place }
    }
    guard without > 0 else { return nil }
    return
      "\(name): \(without) of \(records.count) answers of the model have no such number, so that no distribution is "
      + "read out after them."
  }

  private func sparse(_ beliefs: [PredictionRecord.Belief], _ tokenizer: Tokenizer) -> String? {
    let low = beliefs.filter { $0.mass < Self.enough }
    guard let least = low.map(\.mass).min() else { return nil }
    let mean = beliefs.reduce(0) { $0 + $1.mass } / Double(beliefs.count)
    let cut = low.count { $0.cut > 1 - Self.enough }
    func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
    var text =
      "The distributions read out hold \(percent(mean)) of the model's belief on average, \(low.count) of "
      + "\(beliefs.count) less than \(percent(Self.enough)) (the least \(percent(least))): CRPS and coverage are those of "
      + "this part."
    if cut > 0 { text += " In \(cut) evaluate.width (\(width)) left out more than 1 %: raise it." }
    if cut < low.count {
      let formats = Set(numbers.map { $0.format.description(tokenizer) }).sorted().joined(separator: "; ")
      text +=
        " In \(low.count - cut) the model expects something else than a number as training answers have it (\(formats))."
    }
    return text
  }
}

/// A number of an answer that can be read out.
struct ReadableNumber {
  /// How training answers write it.
  let format: AnswerFormat
  let slot: NumberSlot
  /// The ways to write it.
  let space: AnswerSpace
  /// The number that stands for a distribution.
  let estimate: PointEstimate
  private let parser: AnswerNumbers

  /// - Throws: `InputError` if the metric's tokens cannot write it.
  init(_ format: AnswerFormat, _ artifacts: RunArtifacts) throws {
    let encoder = artifacts.readingEncoder, settings = artifacts.settings
    let metric = settings.metrics.firstIndex { $0.name == format.metric } ?? 0
    self.format = format
    slot = NumberSlot(metric: metric, place: format.place)
    do { space = try format.space(encoder.metrics[metric].finder.space, artifacts.tokenizer) } catch {
      throw InputError(
        path: settings.path, place: "metric \(format.metric)", expected: "numbers that can be read out",
        found: "\(error)", remedy: "Set evaluate.distribution to false.")
    }
    estimate = PointEstimate(settings.evaluate.readOut, distance: settings.metrics[metric].distance.name)
    parser = AnswerNumbers(encoder, rules: [encoder.metrics[metric]], count: nil)
  }

  /// The number of a right answer that is read out; nil without one.
  func truth(_ reference: String) -> Double? {
    let all = parser.numbers(in: reference)
    return all.indices.contains(format.place) ? all[format.place] : nil
  }

  /// A distribution in short, judged by a right answer.
  func belief(_ distribution: NumberDistribution, reference: String) -> PredictionRecord.Belief {
    var belief = PredictionRecord.Belief(
      distribution, estimate: estimate, level: 0.9, truth: truth(reference))
    (belief.metric, belief.place) = (format.metric, format.place)
    return belief
  }
}

extension PointEstimate {
  /// The one chosen, else the one with the least expected distance: the mean of squared ones, the median of others.
  fileprivate init(_ choice: ReadOutChoice?, distance: String) {
    self =
      switch choice {
      case .median: .median
      case .mean: .mean
      case .mode: .mode
      case .greedy, nil: distance == "squared" ? .mean : .median
      }
  }
}

extension RunFolder {
  /// How the run's training answers write numbers.
  var numbers: String { path + "/numbers.json" }

  /// What is stored there; nil if nothing is.
  func storedNumbers() throws -> [AnswerFormat]? {
    guard fileExists(numbers) else { return nil }
    let bytes = Data(try fileBytes(numbers, limit: 1 << 20)), decoder = JSONDecoder()
    // Earlier versions stored the first number's format alone.
    let formats =
      (try? decoder.decode([AnswerFormat].self, from: bytes))
      ?? (try? decoder.decode(AnswerFormat.self, from: bytes)).map { [$0] }
    guard let formats, !formats.isEmpty, formats.allSatisfy(\.isValid) else {
      throw InputError(
        path: numbers, expected: "how numbers are written, as dist2 train stored it", found: "something else",
        remedy: "Remove the file: it is then learnt from the training answers.")
    }
    return formats
  }

  /// Stores how the training answers of a run write numbers. Answers without a common form have none.
  func storeNumbers(_ artifacts: RunArtifacts) throws {
    guard !fileExists(numbers), let source = artifacts.settings.data.train,
      let formats = try? AnswerFormat.learn(artifacts, from: source), !formats.isEmpty
    else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try AtomicFile.write(Array(try encoder.encode(formats)) + [10], to: numbers)
  }
}
