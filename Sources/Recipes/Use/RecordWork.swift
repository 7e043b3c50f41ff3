// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import MetricTokens
import Reports
import TokenData
import TokenModels
import TorchNN

/// Work of a stream on records, some at a time.
protocol RecordWork {
  /// Refuses a record that cannot be worked on, before others beside it are.
  ///
  /// - Throws: `InputError` with the record's source as its path.
  func check(_ record: Record) throws
  /// One line a record, in order. There is at least one record.
  ///
  /// - Parameter places: which of the whole input's each is, from 0: what is drawn depends on it alone.
  func results(of records: [Record], places: [Int]) throws -> [JSON]

  /// Reads lines of several responses to a prompt; nil, as by default, where there is no work on them.
  var responses: ResponseReader? { get }
  /// Refuses responses that cannot be worked on.
  func check(_ record: ResponseRecord) throws
  /// As ``results(of:places:)``, of lines of responses.
  func results(ofResponses lines: [ResponseLine]) throws -> [JSON]
}

/// A line with several responses to a prompt.
struct ResponseLine {
  var record: ResponseRecord
  /// The line itself.
  var object: JSONObject
}

extension RecordWork {
  var responses: ResponseReader? { nil }
  func check(_ record: ResponseRecord) throws {}
  func results(ofResponses lines: [ResponseLine]) throws -> [JSON] { [] }
}

/// Answers them, and reads out the number beside the answer where the run file names a read-out.
struct Generating: RecordWork {
  let model: any TokenModel
  let answering: Answering
  /// Nil where no number is read out.
  let reading: NumberReading?
  let guides: LoadedGuides?
  /// What stands before the prompts that the amateur among them reads.
  let contrastPrompt: String?
  let judge: LoadedJudge?
  let samples: Int

  /// - Throws: `InputError` if a number shall be read out and cannot be, or for other models that do not fit.
  init(_ choice: ModelChoice, _ answering: Answering, among company: GenerationCompany) throws {
    self.answering = answering
    let readOut = choice.artifacts.settings.evaluate.readOut
    reading = readOut == nil || readOut == .greedy ? nil : try NumberReading(choice.artifacts, run: choice.run)
    model = try choice.load()
    guides = try LoadedGuides(company, choice, beside: model)
    judge = try company.judge.map {
      try LoadedJudge($0, reference: company.reference, overrides: choice.deviceOverride)
    }
    (samples, contrastPrompt) = (company.samples, company.contrastPrompt)
  }

  func check(_ record: Record) throws {
    if guides != nil || judge != nil, !record.images.isEmpty {
      throw InputError(
        path: record.source, place: "images", expected: "text alone, beside other models",
        found: "\(record.images.count) images", remedy: "Guides and judges read text.")
    }
    try answering.checkTexts(record, of: model)
    for read in [record] + (try contrastPrompt.map { [try record.instructed(by: $0)] } ?? []) {
      try checkLength(prompt: answering.item(read).ids.count, answer: 1, of: model, source: record.source)
    }
  }

  func results(of records: [Record], places: [Int]) throws -> [JSON] {
    let items = try records.map(answering.item), (answers, scores) = try answers(items, records, places: places)
    let distributions = try reading.map { reading in
      try naming(items.map(\.source)) {
        try answering.withBudget(model) { budget in
          try reading.distributions(
            Scorer(model), of: items, along: { records[$0].answering(answers[$0].text) }, budget: budget,
            images: answering.images)
        }
      }
    }
    return zip(items.indices, answers).map { index, answer in
      var object = JSONObject()
      object["id"] = .string(items[index].id)
      object["completion"] = .string(answer.text)
      object["finish"] = .string(answer.finish.rawValue)
      if let scores = scores?[index] {
        object["score"] = .double(scores.max() ?? .nan)
        object["scores"] = .array(scores.map { .double($0) })
      }
      if let reading, let distributions = distributions?[index] {
        let read = zip(reading.numbers, distributions).compactMap { number, distribution in
          distribution.map { distribution -> (ReadableNumber, KeyValuePairs<String, Double>) in
            let interval = distribution.interval(0.9)
            return (
              number,
              [
                "number": number.estimate.value(of: distribution), "low": interval.lowerBound,
                "high": interval.upperBound, "mass": distribution.coverage,
              ]
            )
          }
        }
        object.add(read, all: reading.numbers)
      }
      return .object(object)
    }
  }
}

/// Rates their answers by how probable these are, and reads out the number that a run's training answers have.
struct Likelihoods: RecordWork {
  let model: any TokenModel
  let answering: Answering
  /// Nil where no number is read out.
  let reading: NumberReading?

  /// Says on standard error why no number is read out, where a metric has values.
  init(_ choice: ModelChoice, _ answering: Answering) throws {
    self.answering = answering
    if choice.artifacts.readingEncoder.metrics.contains(where: { $0.finder.space.writesNumbers }) {
      do { reading = try NumberReading(choice.artifacts, run: choice.run) } catch let error as InputError {
        reading = nil
        Terminal.standardError.note("no number is read out beside the log-probabilities. \(error)")
      }
    } else {
      reading = nil
    }
    model = try choice.load()
  }

  func check(_ record: Record) throws {
    try answering.checkTexts(record, of: model)
    _ = try answering.item(record)
    let example = answering.fitted(try answering.encoder.encode(record))
    let prompt = example.supervised.firstIndex(of: true) ?? example.ids.count
    try checkLength(prompt: prompt, answer: example.ids.count - prompt, of: model, source: record.source)
  }

  func results(of records: [Record], places: [Int]) throws -> [JSON] {
    let items = try records.map(answering.item)
    let examples = try records.map { answering.fitted(try answering.encoder.encode($0)) }
    let logs = try answering.logLikelihoods(of: examples, model, sources: items.map(\.source))
    let beliefs = try beliefs(Scorer(model), items, records)
    return items.indices.map { index in
      let sum = logs[index].reduce(0, +)
      var object = JSONObject()
      object["id"] = .string(items[index].id)
      object["logProbability"] = .double(sum)
      object["tokens"] = .int(logs[index].count)
      if let reading, let distributions = beliefs?[index] {
        let read = zip(reading.numbers, distributions).compactMap { number, belief in
          belief.map { belief -> (ReadableNumber, KeyValuePairs<String, Double>) in
            (
              number,
              [
                "mean": belief.mean, "standardDeviation": belief.variance.squareRoot(), "median": belief.median,
                "mode": belief.mode, "mass": belief.coverage, "cut": belief.cut,
              ]
            )
          }
        }
        object.add(read, all: reading.numbers)
      }
      return .object(object)
    }
  }

  /// Of the answers' numbers, each along the given answer.
  private func beliefs(
    _ scorer: Scorer, _ items: [EvaluationItem], _ records: [Record]
  ) throws -> [[NumberDistribution?]]? {
    guard let reading else { return nil }
    return try naming(items.map(\.source)) {
      try answering.withBudget(model) { budget in
        try reading.distributions(
          scorer, of: items, along: { records[$0] }, budget: budget, images: answering.images)
      }
    }
  }
}

extension JSONObject {
  /// Figures of numbers read out: those of an answer's only number beside the rest, those of several in a list `numbers`,
  /// each with its metric and which of the metric's numbers it is, from 1.
  fileprivate mutating func add(
    _ read: [(number: ReadableNumber, figures: KeyValuePairs<String, Double>)], all: [ReadableNumber]
  ) {
    func figures(_ values: KeyValuePairs<String, Double>) -> [(key: String, value: JSON)] {
      // What was left out is said where anything was.
      values.filter { $0.key != "cut" || $0.value > 0 }.map { ($0.key, .double($0.value)) }
    }
    guard all.count > 1 else {
      for (key, value) in read.first.map({ figures($0.figures) }) ?? [] { self[key] = value }
      return
    }
    self["numbers"] = .array(
      read.map { number, values in
        let name: [(key: String, value: JSON)] = [
          ("metric", .string(number.format.metric)), ("place", .int(number.slot.place + 1)),
        ]
        var object = JSONObject()
        for (key, value) in name + figures(values) { object[key] = value }
        return .object(object)
      })
  }
}

/// Rates responses with scores.
struct RewardScoring: RecordWork {
  let rewardModel: any RewardModel

  func check(_ record: Record) throws {
    guard let rated = record.rated else { return }
    do { _ = try rewardModel.tokens(of: RewardRequest(messages: rated.messages, response: rated.response)) } catch var
      error
      as InputError
    {
      error.path = record.source
      throw error
    }
  }

  func results(of records: [Record], places: [Int]) throws -> [JSON] {
    let requests = records.compactMap { record in
      record.rated.map { RewardRequest(messages: $0.messages, response: $0.response) }
    }
    let rewards = try rewardModel.rewards(of: requests, attributes: true, tokenBudget: nil)
    return zip(records, rewards).map { record, reward in
      var object = JSONObject()
      object["id"] = .string(record.id ?? record.source)
      object["score"] = .double(reward.overall.expectation)
      for score in [reward.overall] + reward.attributes { object[score.name] = score.json }
      return .object(object)
    }
  }
}

extension Reward.Score {
  /// For programs: the expectation, and with a distribution its spread, its most probable value and what share of the
  /// model's belief it is.
  var json: JSON {
    var object = JSONObject()
    object["expectation"] = .double(expectation)
    if let variance { object["standardDeviation"] = .double(variance.squareRoot()) }
    if let top = probabilities.indices.max(by: { probabilities[$0] < probabilities[$1] }) {
      object["mode"] = .double(values[top])
    }
    if let coverage { object["mass"] = .double(coverage) }
    return .object(object)
  }
}
