// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
public import Reports
public import TokenData
public import TorchNN

extension MMLU {
  /// Asks a model all questions.
  ///
  /// Where question and examples are longer than the model's context, the last examples are left out until they fit.
  ///
  /// - Parameters:
  ///   - tokenBudget: largest number of tokens read at once, padding included.
  ///   - bootstrap: how the interval is made; percentiles of resampled questions.
  ///   - progress: told how many questions are answered, of how many.
  /// - Throws: `InputError` if the tokenizer does not write the letters as one token each, or a question alone is
  ///   longer than the context.
  public func evaluate(
    model: any TokenModel, tokenizer: Tokenizer, tokenBudget: Int = 16_384,
    bootstrap: Bootstrap = Bootstrap(resamples: 2000, method: .percentile),
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> MMLUResult {
    let letters = try Self.letterTokens(tokenizer)
    var shortened = 0
    let prompts = try questions.map { question in
      let (ids, shots) = try ids(question, tokenizer, limit: model.contextLength)
      shortened += shots < self.shots ? 1 : 0
      return ids
    }
    let order = prompts.indices.sorted { (prompts[$0].count, $0) > (prompts[$1].count, $1) }
    let scorer = Scorer(model)
    var logs = [[Double]](repeating: [], count: prompts.count)
    for start in stride(from: 0, to: order.count, by: 64) {
      let part = order[start..<min(start + 64, order.count)]
      let probabilities = try scorer.probabilities(
        over: letters, in: part.map { prompts[$0] }, at: part.map { [prompts[$0].count] }, normalization: .vocabulary,
        tokenBudget: max(tokenBudget, prompts[order[start]].count))
      for (index, row) in zip(part, probabilities) { logs[index] = row[0].map { log($0) } }
      progress(start + part.count, order.count)
    }
    return MMLUResult(questions, logs, shots: shots, shortened: shortened, bootstrap: bootstrap)
  }

  private func ids(_ question: Question, _ tokenizer: Tokenizer, limit: Int) throws -> (ids: [Int32], shots: Int) {
    for shots in stride(from: shots, through: 0, by: -1) {
      let ids = Self.ids(of: prompt(question, shots: shots), tokenizer)
      if ids.count <= limit { return (ids, shots) }
    }
    throw InputError(
      path: "<questions>", place: "subject \(question.subject)", expected: "questions of at most \(limit) tokens",
      found: "a longer one, \"\(question.text.prefix(40))…\"", remedy: "The model's context holds no more.")
  }

  /// With the tokenizer's own begin token, without the end token that some add.
  private static func ids(of text: String, _ tokenizer: Tokenizer) -> [Int32] {
    let encoding = tokenizer.encode(text)
    return Array(encoding.ids[..<encoding.body.upperBound])
  }

  /// The tokens that follow `Answer:`.
  private static func letterTokens(_ tokenizer: Tokenizer) throws -> TokenSpace {
    let before = ids(of: "Answer:", tokenizer)
    let tokens = try letters.map { letter in
      let ids = ids(of: "Answer: \(letter)", tokenizer)
      guard ids.count == before.count + 1, ids.starts(with: before) else {
        throw InputError(
          path: "<tokenizer>", place: "\" \(letter)\"", expected: "one token after \"Answer:\"",
          found: "\(ids.dropFirst(before.count).map { tokenizer.token(of: $0) ?? "?" })",
          remedy: "Multiple choice is read out of single tokens.")
      }
      return ids[before.count]
    }
    return try TokenSpace(name: "letters", ids: tokens)
  }
}

/// How a model answered multiple-choice questions.
public struct MMLUResult: Sendable {
  /// Questions, in order.
  public let questions: [MMLU.Question]
  /// For each question the natural log-probabilities of the four letters among all tokens.
  public let logLikelihoods: [[Double]]
  /// Examples before each question.
  public let shots: Int
  /// Questions that were asked with fewer examples, for want of room.
  public let shortened: Int
  /// Share of right answers, every question alike.
  public let accuracy: Double
  /// By drawing questions.
  public let interval: ConfidenceInterval
  private let bootstrap: Bootstrap

  init(
    _ questions: [MMLU.Question], _ logLikelihoods: [[Double]], shots: Int, shortened: Int, bootstrap: Bootstrap
  ) {
    (self.questions, self.logLikelihoods, self.shots) = (questions, logLikelihoods, shots)
    (self.shortened, self.bootstrap) = (shortened, bootstrap)
    let credits = Self.credits(questions, logLikelihoods)
    accuracy = Measurements(credits).mean
    interval = bootstrap.interval(of: credits)
  }

  /// Index of the letter that each answer is; of equals the first.
  public var answers: [Int] { logLikelihoods.map(Self.answer) }

  /// How probable the model thought that any of the letters follows, on average: near 0, accuracy says little.
  public var coverage: Double {
    Measurements(logLikelihoods.map { $0.reduce(0) { $0 + exp($1) } }).mean
  }

  /// Subjects in alphabetical order.
  public var subjects: [(name: String, questions: Int, accuracy: Double)] {
    let rows = zip(questions.map(\.subject), Self.credits(questions, logLikelihoods))
    return Dictionary(grouping: rows, by: \.0).sorted { $0.key < $1.key }.map { subject, rows in
      (subject, rows.count, Measurements(rows.map(\.1)).mean)
    }
  }

  /// How much better this model answers than the one before: the difference of accuracies, and its interval by drawing
  /// pairs of answers. Both must have been asked the same questions.
  public func change(since before: MMLUResult) -> (difference: Double, interval: ConfidenceInterval) {
    precondition(questions == before.questions, "different questions")
    let differences = zip(
      Self.credits(questions, logLikelihoods), Self.credits(questions, before.logLikelihoods)
    ).map { $0 - $1 }
    return (Measurements(differences).mean, bootstrap.interval(of: differences))
  }

  private static func answer(_ logs: [Double]) -> Int {
    logs.indices.reduce(0) { logs[$1] > logs[$0] ? $1 : $0 }
  }

  private static func credits(_ questions: [MMLU.Question], _ logs: [[Double]]) -> [Double] {
    zip(questions, logs).map { answer($1) == $0.answer ? 1 : 0 }
  }

  /// Accuracy in percent, subject by subject and over all.
  public func table(_ caption: String) -> Table {
    var table = Table(caption, columns: [Table.Column("subject"), Table.Column("questions"), Table.Column("accuracy")])
    for subject in subjects {
      table.add([.text(subject.name), .count(subject.questions), .number(100 * subject.accuracy, decimals: 1)])
    }
    let percent = ConfidenceInterval(low: 100 * interval.low, high: 100 * interval.high, level: interval.level)
    table.add([.text("all"), .count(questions.count), .interval(100 * accuracy, percent, decimals: 1).emphasized])
    table.notes.append("\(shots)-shot; the four letters together have probability \(Quantity.number(coverage)).")
    if shortened > 0 { table.notes.append("\(shortened) questions had room for fewer examples.") }
    return table
  }
}
