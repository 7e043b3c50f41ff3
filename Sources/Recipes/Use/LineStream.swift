import Evaluation
import Files
import Foundation
import MetricTokens
import TokenData
import TokenModels
import TorchNN

/// Answers or rates records as they come: JSON lines in, JSON lines out, in order, as many at a time as are waiting.
public final class LineStream {
  /// What is done with each record.
  public enum Task: Sendable {
    /// It is answered.
    case generate
    /// Its answer is rated, and with a metric the number it begins with is read out.
    case score
  }

  private let choice: ModelChoice
  private let model: any TokenModel
  private let answering: Answering
  private let task: Task
  private let reader: RecordReader
  private let skipBad: Bool
  private(set) var skipped = 0

  /// - Parameter change: changes how answers are generated.
  public init(
    _ choice: ModelChoice, _ task: Task, change: (inout Answering) -> Void = { _ in }
  ) throws {
    self.choice = choice
    self.task = task
    model = try choice.load()
    var answering = Answering(choice.parts)
    change(&answering)
    self.answering = answering
    let data = choice.parts.settings.data
    reader = RecordReader(format: data.format, fields: data.fields, needsAnswer: task == .score)
    skipBad = data.skipBad
  }

  /// Reads lines until there are no more.
  ///
  /// - Parameters:
  ///   - source: name of the input in errors.
  ///   - next: the lines that are waiting (at least one; at most `limit`), nil at the end.
  ///   - write: takes one line of output.
  /// - Throws: `InputError` naming the line; lines that are bad are answered by `{"error": …}` if they are to be skipped.
  public func run(
    source: String, next: (_ limit: Int) throws -> [String]?, write: (String) throws -> Void
  ) throws {
    var number = 0
    while let lines = try next(256) {
      var records = [(record: Record?, error: InputError?)]()
      for line in lines {
        number += 1
        guard line.contains(where: { !$0.isWhitespace }) else { continue }
        do { records.append((try record(line, source, number), nil)) } catch let error as InputError {
          guard skipBad else { throw error }
          records.append((nil, error))
        }
      }
      let results = try process(records.compactMap(\.record))
      var rest = results[...]
      for entry in records {
        let object = entry.error.map { JSON.object($0.asObject) } ?? rest.removeFirst()
        try write(object.text())
      }
    }
  }

  private func record(_ line: String, _ source: String, _ number: Int) throws -> Record {
    do {
      let object = JSONReader(try JSON(parsing: line, path: source), path: source)
      return try reader.record(object, source: "\(source) line \(number)")
    } catch {
      var error = error
      error.place = "line \(number)" + (error.place.isEmpty ? "" : ", \(error.place)")
      throw error
    }
  }

  private func process(_ records: [Record]) throws -> [JSON] {
    guard !records.isEmpty else { return [] }
    let items = try records.map(answering.item)
    return task == .generate ? try generate(items) : try score(records, items)
  }

  private func generate(_ items: [EvaluationItem]) throws -> [JSON] {
    zip(items, try answering.answers(items, model)).map { item, answer in
      ["id": .string(item.id), "completion": .string(answer.text), "finish": .string(answer.finish.rawValue)]
    }
  }

  private func score(_ records: [Record], _ items: [EvaluationItem]) throws -> [JSON] {
    let continuations = try records.map { record in
      let example = try answering.encoder.encode(record)
      let start = example.supervised.firstIndex(of: true) ?? example.ids.count
      return Continuation(prompt: Array(example.ids[..<start]), ids: Array(example.ids[start...]))
    }
    let scorer = Scorer(model)
    let logs = try answering.withBudget(model) { try scorer.logLikelihoods(of: continuations, tokenBudget: $0) }
    let beliefs = try beliefs(scorer, items)
    return items.indices.map { index in
      let sum = logs[index].reduce(0, +)
      var object = JSONObject()
      object["id"] = .string(items[index].id)
      object["logProbability"] = .double(sum)
      object["tokens"] = .int(logs[index].count)
      if let belief = beliefs?[index] {
        object["mean"] = .double(belief.mean)
        object["standardDeviation"] = .double(belief.variance.squareRoot())
        object["mode"] = .double(belief.mode)
        object["mass"] = .double(belief.coverage)
      }
      return .object(object)
    }
  }

  /// The number each answer would begin with, where a metric has values and the right answers begin with one.
  private func beliefs(_ scorer: Scorer, _ items: [EvaluationItem]) throws -> [NumberDistribution]? {
    guard let reading = try? NumberReading(choice.parts, references: items.map(\.reference)) else { return nil }
    let width = choice.parts.settings.evaluate.width
    return try answering.withBudget(model) { budget in
      try scorer.distributions(
        over: reading.space, after: items.map(\.ids), width: width, tokenBudget: max(budget, 8192))
    }
  }
}

extension InputError {
  fileprivate var asObject: JSONObject {
    var object = JSONObject()
    object["error"] = .string(description)
    return object
  }
}
