import Evaluation
import Files
import Foundation
import MetricTokens
import TokenData
import TorchNN

/// Reads out the distribution of the number that a model writes where right answers have one.
struct NumberReading {
  /// The ways to write it.
  let space: AnswerSpace
  /// How training answers write it.
  let format: AnswerFormat
  /// Mass that may be left out of a distribution to read less.
  static let spare = 0.001
  /// Below this the distribution says less than its figures pretend.
  static let enough = 0.99

  /// The number that stands for a distribution.
  let estimate: PointEstimate

  private let width: Int
  private let parser: AnswerNumbers

  /// From the format that is stored with a run, else from the run file's `evaluate.number`, else from its training
  /// answers; never from the answers that are read.
  ///
  /// - Parameter run: where a format may be stored.
  /// - Throws: `InputError` if no metric has values, or nothing says how numbers are written.
  init(_ parts: RunParts, run: RunFolder? = nil) throws {
    let encoder = parts.readingEncoder
    guard let index = encoder.metrics.firstIndex(where: { $0.finder.space.writesNumbers }) else {
      throw InputError(
        path: parts.settings.path, place: "key metrics", expected: "a metric whose tokens have values",
        found: "none", remedy: "Without one there is no distribution to read out: evaluate.distribution: false.")
    }
    let rule = encoder.metrics[index], name = parts.settings.metrics[index].name
    format = try Self.format(parts, run, rule, name)
    do { space = try format.space(rule.finder.space, parts.tokenizer) } catch {
      throw InputError(
        path: parts.settings.path, place: "metric \(name)", expected: "numbers that can be read out", found: "\(error)",
        remedy: "Set evaluate.distribution to false.")
    }
    width = parts.settings.evaluate.width
    estimate = PointEstimate(parts.settings.evaluate.readOut, distance: parts.settings.metrics[index].distance.name)
    parser = AnswerNumbers(encoder, rules: [rule], count: 1)
  }

  private static func format(
    _ parts: RunParts, _ run: RunFolder?, _ rule: MetricRule, _ name: String
  ) throws -> AnswerFormat {
    if let number = parts.settings.evaluate.number {
      return try AnswerFormat(
        number, metric: name, tokens: rule.finder.space, parts.tokenizer,
        ends: parts.encoder.ends.starts(parts.tokenizer),
        parts.settings.path)
    }
    if let stored = try run?.storedNumbers(), stored.metric == name,
      (stored.digits != nil) == (rule.finder.space.unit == .digit),
      (stored.pieces != nil) == (rule.finder.space.unit == .piece)
    {
      return stored
    }
    guard let path = parts.settings.data.train, fileExists(path) else {
      throw InputError(
        path: parts.settings.path, place: "key data.train",
        expected: "training answers, from which it is known how numbers are written",
        found: parts.settings.data.train.map { "no file \($0)" } ?? "no such key",
        remedy: "Name the file, or say it: evaluate.number: { digits: [1, 3] }.")
    }
    guard let format = try AnswerFormat.learn(parts, from: path) else { preconditionFailure("no metric with values") }
    return format
  }

  /// Distributions after prompts, one each.
  func distributions(
    _ scorer: Scorer, after prompts: [[Int32]], budget: Int, images: PromptImages?
  ) throws -> [NumberDistribution] {
    let before = format.before
    return try scorer.distributions(
      over: space, after: prompts.map { $0 + before }, width: width, spare: Self.spare, tokenBudget: max(budget, 8192),
      images: images)
  }

  /// The number of a right answer that is read out; nil without one.
  func truth(_ reference: String) -> Double? { parser.numbers(in: reference).first }

  /// What must be said of distributions that hold too little of the model's belief; nil if all hold enough.
  func remark(_ beliefs: [PredictionRecord.Belief], _ tokenizer: Tokenizer) -> String? {
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
      text +=
        " In \(low.count - cut) the model expects something else than a number as training answers have it "
        + "(\(format.description(tokenizer)))."
    }
    return text
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
  func storedNumbers() throws -> AnswerFormat? {
    guard fileExists(numbers) else { return nil }
    let format = try? JSONDecoder().decode(AnswerFormat.self, from: Data(fileBytes(numbers, limit: 1 << 20)))
    guard let format, format.digits?.isValid ?? true, format.pieces?.values.isValid ?? true, !format.heads.isEmpty
    else {
      throw InputError(
        path: numbers, expected: "how numbers are written, as dist2 train stored it", found: "something else",
        remedy: "Remove the file: it is then learnt from the training answers.")
    }
    return format
  }

  /// Stores how the training answers of a run write numbers. Answers without a common form have none.
  func storeNumbers(_ parts: RunParts) throws {
    guard !fileExists(numbers), let path = parts.settings.data.train,
      let format = try? AnswerFormat.learn(parts, from: path)
    else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try AtomicFile.write(Array(try encoder.encode(format)) + [10], to: numbers)
  }
}
