// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Recipes
import Reports
import TokenData
import Testing
import TokenModels

/// What is read out of answers as training answers write them.
@Suite struct ReadOutTests {
  /// Lines with these answers.
  private func lines(_ answers: [String]) -> String {
    answers.enumerated().map { index, answer in
      "{\"prompt\": \"\(index) + \(index) = \", \"completion\": \"\(answer)\"}\n"
    }.joined()
  }

  private func tiny(_ answers: [String], test: [String]? = nil) throws -> TinyRun {
    let tiny = try TinyRun(data: lines(answers))
    try lines(test ?? answers).write(toFile: tiny.folder + "/valid.jsonl", atomically: true, encoding: .utf8)
    return tiny
  }

  private func evaluate(_ tiny: TinyRun, _ overrides: String...) throws -> Evaluating {
    let artifacts = try RunArtifacts(tiny.settings(["evaluate.distribution=true"] + overrides))
    let model = try ModelChoice(tiny.folder + "/run.yaml").load()
    return try Evaluating(artifacts, model, artifacts.dataset(tiny.folder + "/valid.jsonl"))
  }

  private func generate(_ tiny: TinyRun, _ input: [String], _ overrides: String...) throws -> [JSON] {
    try stream(tiny, .generate, input, overrides)
  }

  private func score(_ tiny: TinyRun, _ input: [String], _ overrides: String...) throws -> [JSON] {
    try stream(tiny, .score, input, overrides)
  }

  private func stream(
    _ tiny: TinyRun, _ task: LineStream.Task, _ input: [String], _ overrides: [String]
  ) throws -> [JSON] {
    let choice = try ModelChoice(tiny.folder + "/run.yaml", overrides: overrides)
    let stream = try LineStream(choice, task)
    var rest: [String]? = input, output = [JSON]()
    try stream.run(
      source: "<test>",
      next: { _ in
        defer { rest = nil }
        return rest
      }, write: { output.append(try JSON(parsing: $0, path: "")) })
    return output
  }

  /// Every way to stand before or in front of a number: spaces, words, delimiters, signs, zeros, decimals, a point
  /// alone.
  @Test(arguments: [
    ["7", "15", "112"], [" 7", " 15", " 3"], ["\\n7", "\\n15"], ["Price: 7", "Price: 12"], ["<b>7</b>", "<b>31</b>"],
    ["-7", "12", "3"], [" -7", " 12", " 3"], ["007", "112", "040"], ["0.25", "0.50"], ["1.5", "12.25", "3"],
    [".5", ".25"], ["+3", "-4"], ["12 kg", "7 kg"], ["= -1.5.", "= 12.5."],
  ])
  func distributionsAreThoseOfTheAnswersForm(answers: [String]) throws {
    let tiny = try tiny(answers), result = try evaluate(tiny)
    let artifacts = try tiny.artifacts(), model = try ModelChoice(tiny.folder + "/run.yaml").load()
    for (index, record) in result.records.enumerated() {
      let belief = try #require(record.beliefs.first, "\(answers)")
      #expect(belief.crps != nil)
      #expect(belief.mass > 0)
      #expect(belief.mass <= 1 + 1e-6)
      #expect(belief.cut <= 0.001)
      #expect(belief.truth == record.truth.first)
      // The right answer's own tokens are one of the ways, so the mass is no less than its probability.
      let example = try artifacts.dataset(tiny.folder + "/valid.jsonl").example(index)
      let start = try #require(example.supervised.firstIndex(of: true)), last = example.metrics.last?.position ?? 0
      let end = min(last + 2, example.ids.count), before = example.metrics.first?.position ?? 0
      let logs = try Scorer(model).logLikelihoods(
        of: [Continuation(prompt: Array(example.ids[..<start]), ids: Array(example.ids[start..<end]))])[0]
      let own = exp(logs[max(0, before - start)...].reduce(0, +))
      #expect(belief.mass >= own * (1 - 1e-4), "\(answers[index]): \(belief.mass) < \(own)")
    }
    #expect(result.metrics.contains(.mass))
    #expect(result.summary[.mass] != nil)
    #expect(result.summary[.crps] != nil)
    // An untrained model believes in other things than numbers, and that is said.
    #expect(result.notes.contains { $0.contains("of the model's belief on average") })
    #expect(result.table("").notes.contains { $0.contains("less than 99.0 %") })
  }

  /// The figures of a padded answer are those of all its ways to be written, one by one: from the least to the greatest
  /// training answer, and a twentieth of that beyond both.
  @Test func paddedNumbersEqualEnumeration() throws {
    let tiny = try tiny(["07", "12", "40"]), belief = try #require(evaluate(tiny).records[0].beliefs.first)
    let artifacts = try tiny.artifacts(), model = try ModelChoice(tiny.folder + "/run.yaml").load()
    let digits = try TokenSpace.digits(of: artifacts.tokenizer)
    let prompt = try artifacts.dataset(tiny.folder + "/valid.jsonl").example(0)
    let start = try #require(prompt.supervised.firstIndex(of: true))
    let logs = try Scorer(model).logLikelihoods(
      of: (0..<100).map {
        Continuation(prompt: Array(prompt.ids[..<start]), ids: [digits.ids[$0 / 10], digits.ids[$0 % 10]])
      })
    let mass = logs.enumerated().map { (5...42).contains($0) ? exp($1.reduce(0, +)) : 0 }, sum = mass.reduce(0, +)
    #expect(abs(belief.mass - sum) < 1e-5)
    let mean = mass.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element } / sum
    #expect(abs(belief.mean - mean) < 1e-3)
    let wanted = NumberDistribution(values: (0..<100).map(Double.init), probabilities: mass)
    #expect(abs((belief.crps ?? 0) - wanted.crps(7)) < 1e-3)
  }

  /// The number read out, where the truth lies, and the right answers' own likelihood.
  @Test(arguments: ["median", "mean", "mode"]) func numbersStandForDistributions(readOut: String) throws {
    let tiny = try tiny(["07", "12", "40"]), result = try evaluate(tiny, "evaluate.readOut=\(readOut)")
    let artifacts = try tiny.artifacts("evaluate.distribution=true"),
      model = try ModelChoice(tiny.folder + "/run.yaml").load()
    let digits = try TokenSpace.digits(of: artifacts.tokenizer),
      dataset = try artifacts.dataset(tiny.folder + "/valid.jsonl")
    let scorer = Scorer(model)
    var errors = [Double](), likelihoods = [Double]()
    for (index, record) in result.records.enumerated() {
      let belief = try #require(record.beliefs.first), example = try dataset.example(index)
      let start = try #require(example.supervised.firstIndex(of: true))
      let prompt = Array(example.ids[..<start])
      let logs = try scorer.logLikelihoods(
        of: (5...42).map { Continuation(prompt: prompt, ids: [digits.ids[$0 / 10], digits.ids[$0 % 10]]) })
      let all = NumberDistribution(values: (5...42).map(Double.init), logProbabilities: logs.map { $0.reduce(0, +) })
      let wanted = readOut == "median" ? all.median : readOut == "mode" ? all.mode : all.mean
      #expect(abs(belief.decision - wanted) < 1e-3, "\(readOut)")
      let truth = try #require(record.truth.first), below = zip(all.values, all.probabilities).filter { $0.0 < truth }
      let at = all.probabilities[Int(truth) - 5]
      #expect(abs(try #require(belief.pit) - below.reduce(at / 2) { $0 + $1.1 }) < 1e-4)
      errors.append(abs(wanted - truth))
      let own = try scorer.logLikelihoods(of: [Continuation(prompt: prompt, ids: Array(example.ids[start...]))])[0]
      likelihoods.append(-own.reduce(0, +))
      #expect(abs(try #require(record.negativeLogLikelihood) - likelihoods[index]) < 1e-4)
    }
    #expect(abs(try #require(result.summary[.readOutMAE]) - errors.reduce(0, +) / 3) < 1e-3)
    #expect(abs(try #require(result.summary[.nll]) - likelihoods.reduce(0, +) / 3) < 1e-4)
  }

  /// Without a word in the run file distributions are read where each answer is one number, and why not is said.
  @Test func distributionsAreReadWhereTheyCanBe() throws {
    let plain = try tiny(["7", "12"]), words = try tiny(["Price: 7", "Cost: -12", "Price: 9", "1,024"])
    func result(_ tiny: TinyRun, _ overrides: String...) throws -> Evaluating {
      let artifacts = try RunArtifacts(tiny.settings(overrides)),
        model = try ModelChoice(tiny.folder + "/run.yaml").load()
      return try Evaluating(artifacts, model, artifacts.dataset(tiny.folder + "/valid.jsonl"))
    }
    #expect(try result(plain).metrics.contains(.readOutMAE))
    #expect(try !result(plain, "evaluate.distribution=false").metrics.contains(.readOutMAE))
    let unread = try result(words)
    #expect(!unread.metrics.contains(.crps))
    #expect(unread.notes.contains { $0.hasPrefix("No distribution is read out. ") && $0.contains("line 4") })
    // Answers that begin differently: after what the model says before the number, if it says one.
    let free = try result(tiny(["Price: 7", "Cost: 12", "Price: 9", "Cost: 3"]))
    #expect(free.records.allSatisfy { $0.beliefs.isEmpty == ($0.values == nil) })
    #expect(free.notes.contains { $0.contains("of 4 answers of the model have no such number") })
  }

  /// Figures that are summed up record by record are those of the whole.
  @Test func sumsOfRecordsAreTheFigures() throws {
    let tiny = try tiny(["7", "15", "112", "9", "60"]), records = try evaluate(tiny).records
    for metric in EvaluationMetric.allCases {
      guard let sums = EvaluationSummary.sums(of: records, metric, unreadable: .constant(3), range: 7...112) else {
        #expect([.medianError, .rmse, .relativeError, .r2, .spearman].contains(metric))
        continue
      }
      let figure = EvaluationSummary(records, metrics: [metric], unreadable: .constant(3), range: 7...112)[metric]
      let total = sums.reduce(into: (0.0, 0.0)) { $0 = ($0.0 + $1.sum, $0.1 + $1.weight) }
      if let figure { #expect(abs(total.0 / total.1 - figure) <= 1e-12 * abs(figure), "\(metric)") }
    }
  }

  @Test func answersWithoutACommonFormAreNamed() throws {
    let long = try tiny(["1234567890123456789", "12345678901234567890"])
    #expect(#expect(throws: InputError.self) { try evaluate(long) }?.found.contains("more digits") == true)
    let grouped = try tiny(["1,024", "2,048"])
    let separators = #expect(throws: InputError.self) {
      try evaluate(grouped, "metrics.0.grammar={ thousands: \",\" }")
    }
    #expect(separators?.found.contains("separators") == true)
    // Nothing says how numbers are written: it can be said.
    let plain = try tiny(["7", "12"])
    let none = #expect(throws: InputError.self) { try evaluate(plain, "data.train=null") }
    #expect(none?.remedy.contains("evaluate.number") == true)
    let said = try evaluate(plain, "data.train=null", "evaluate.number={ digits: [1, 2], range: [6, 13] }")
    let learnt = try evaluate(plain)
    for (a, b) in zip(said.records, learnt.records) { #expect(a.beliefs.first?.mean == b.beliefs.first?.mean) }
  }

  /// A number that is read out stands beside the answer, the same as in evaluate.
  @Test func answersCarryTheNumberReadOut() throws {
    let tiny = try tiny(["7", "15", "112"]), line = "{\"prompt\": \"0 + 0 = \"}"
    let belief = try #require(try evaluate(tiny, "evaluate.readOut=median").records[0].beliefs.first)
    let found = try generate(tiny, [line], "evaluate.readOut=median")[0]
    for (key, wanted) in [
      ("number", belief.decision), ("low", belief.low), ("high", belief.high), ("mass", belief.mass),
    ] {
      guard case .double(let value)? = found[key] else { throw CancellationError() }
      #expect(abs(value - wanted) <= 1e-4 * max(1, abs(wanted)), "\(key)")
    }
    #expect(try generate(tiny, [line])[0]["number"] == nil)
    #expect(try generate(tiny, [line], "evaluate.readOut=greedy")[0]["number"] == nil)
  }

  /// A line's figures depend on the run and on the line.
  @Test func scoresDoNotDependOnNeighbours() throws {
    let tiny = try tiny(["7", "15", "112"])
    let line = "{\"prompt\": \"7 + 8 = \", \"completion\": \"15\"}",
      all = [
        line, "{\"prompt\": \"1 = \", \"completion\": \"-12345.678\"}",
        "{\"prompt\": \"1 = \", \"completion\": \"none\"}",
      ]
    let alone = try score(tiny, [line])[0], among = try score(tiny, all)[0]
    for key in ["mean", "standardDeviation", "mode", "mass"] {
      guard case .double(let a)? = alone[key], case .double(let b)? = among[key] else { throw CancellationError() }
      #expect(abs(a - b) <= 1e-4 * abs(a), "\(key): \(a) alone, \(b) among others")
    }
  }

  /// The format is the run's own: it is stored with it, and the training file may go.
  @Test func theFormatIsStoredWithTheRun() throws {
    let tiny = try tiny(["007", "112", "040"])
    _ = try tiny.train("train.keep=1").run()
    let before = try scores(tiny)
    try "{\"prompt\": \"a\", \"completion\": \"1.25\"}\n".write(
      toFile: tiny.folder + "/train.jsonl", atomically: true, encoding: .utf8)
    let changed = try scores(tiny)
    try FileManager.default.removeItem(atPath: tiny.folder + "/train.jsonl")
    #expect(try before == changed && before == scores(tiny) && before["mass"] != nil)
    try "{}".write(toFile: tiny.folder + "/out/numbers.json", atomically: true, encoding: .utf8)
    #expect(try scores(tiny)["mass"] == nil)
  }

  private func scores(_ tiny: TinyRun) throws -> JSON {
    let stream = try LineStream(ModelChoice(tiny.folder + "/out"), .score)
    var rest: [String]? = ["{\"prompt\": \"7 + 8 = \", \"completion\": \"015\"}"], output = [JSON]()
    try stream.run(
      source: "<test>",
      next: { _ in
        defer { rest = nil }
        return rest
      }, write: { output.append(try JSON(parsing: $0, path: "")) })
    return output[0]
  }

  /// Tokens that are values by themselves are numbers of answers, greedy and as a distribution.
  @Test func binsAreRead() throws {
    let tiny = try tiny(["a", "c", "b", "d"])
    let bins = "metrics=[{ name: grade, tokens: { bins: { tokens: [a, b, c, d], values: [0, 10, 20, 40] } } }]"
    let result = try evaluate(tiny, bins)
    #expect(result.records.map(\.truth) == [[0], [20], [10], [40]])
    #expect(result.metrics.contains(.mae))
    #expect(result.metrics.contains(.crps))
    #expect(!result.metrics.contains(.digitAccuracy))
    for record in result.records {
      let belief = try #require(record.beliefs.first)
      #expect((0...40).contains(belief.mean))
      #expect(belief.crps != nil)
      if let first = record.text.first, let index = "abcd".firstIndex(of: first) {
        let place = "abcd".distance(from: "abcd".startIndex, to: index)
        #expect(record.values == nil || record.values == [[0, 10, 20, 40][place]])
      }
    }
    // Right answers that hold none are no silence.
    let words = try self.tiny(["a", "b"], test: ["x", "b"])
    let some = try evaluate(words, bins)
    #expect(some.notes.contains { $0.contains("1 of 2 right answers") })
    let none = try self.tiny(["a", "b"], test: ["x", "y"])
    let error = #expect(throws: InputError.self) { try evaluate(none, bins) }
    #expect(error?.description.contains("none in 2 examples") == true)
  }
}
