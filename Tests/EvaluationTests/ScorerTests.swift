// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import MetricTokens
import Testing
import Torch
import TorchNN

@Suite struct ScorerTests {
  let model = TinyModel()
  let prompts: [[Int32]] = [[1, 2, 3], [22], [9, 8], [4, 4, 4, 4, 4, 0, 1]]
  let digits: TokenSpace

  init() throws {
    digits = try TokenSpace(name: "digits", unit: .digit, ids: Array(0...9), values: (0...9).map(Double.init))
  }

  @Test(arguments: Normalization.allCases)
  func candidatesAtPositions(normalization: Normalization) throws {
    let positions = [[1, 3, 2], [1], [], [7, 4]]
    let found = try Scorer(model).probabilities(
      over: digits, in: prompts, at: positions, normalization: normalization, tokenBudget: 8)
    for (row, prompt) in prompts.enumerated() {
      #expect(found[row].count == positions[row].count)
      for (probabilities, position) in zip(found[row], positions[row]) {
        let logs = plainLogProbabilities(model, after: Array(prompt[..<position]))
        let wanted = digits.ids.map { exp(logs[Int($0)]) }
        let sum = normalization == .candidates ? wanted.reduce(0, +) : 1
        #expect(differ(probabilities, wanted.map { $0 / sum }) < 1e-6)
      }
    }
  }

  /// What the head gives at last tokens, however documents share batches; and what cannot be read.
  @Test(arguments: [4, 16_384]) func scoresOfDocuments(tokenBudget: Int) throws {
    let found = try Scorer(model).scores(of: prompts, tokenBudget: tokenBudget)
    for (scores, prompt) in zip(found, prompts) {
      let logits = noGrad { model.logits(Tensor(prompt, shape: [1, prompt.count])) }
      #expect(differ(scores, logits.select(0, 0).select(0, prompt.count - 1).array(of: Double.self)) < 1e-5)
    }
    #expect(throws: DecodingError.empty(index: 1)) { try Scorer(model).scores(of: [[1], []]) }
    #expect(try Scorer(model).scores(of: []).isEmpty)
  }

  @Test func wholeNumbersNeedTwoPasses() throws {
    let twoDigits = try AnswerSpace.numbers(
      NumberFormat(digits: digits, integerDigits: 1...2, ends: [10], bounds: 0...20))
    _ = try Scorer(model).distributions(over: twoDigits, after: prompts)
    // 0 … 9 are read beside each prompt (0 needs its end as well); one pass for the prompts, one for all of them.
    #expect(model.passes == [[4, 7], [4, 10]])
    model.passes = []
    let decimals = try AnswerSpace.numbers(
      NumberFormat(digits: digits, fractionDigits: 3...3, point: 10, bounds: 0...0.999))
    let found = try Scorer(model).distributions(over: decimals, after: prompts)
    #expect(model.passes == [[4, 7], [4, 112]])
    #expect(found.allSatisfy { $0.values.count == 1_000 && $0.isExact })
  }

  /// Every answer's probability is the product of its tokens', each from a plain pass.
  @Test(arguments: Normalization.allCases)
  func spellingsOfDifferentLengthsAndEqualValues(normalization: Normalization) throws {
    let answers: [(ids: [Int32], value: Double)] = [
      ([5], 5), ([6, 1], 5), ([6, 2, 3], -1), ([6, 2, 4], 0.5), ([7, 0, 0, 0, 0], 9), ([7, 1], 9), ([8], 2),
    ]
    let space = try AnswerSpace.spellings(answers)
    let found = try Scorer(model).distributions(over: space, after: prompts, normalization: normalization)
    for (prompt, distribution) in zip(prompts, found) {
      var mass = [Double: Double]()
      for (ids, value) in answers {
        var product = 1.0
        for place in ids.indices {
          let logs = plainLogProbabilities(model, after: prompt + ids[..<place])
          guard case .tokens(let options) = space.after(Array(ids[..<place])) else {
            throw DecodingError.empty(index: 0)
          }
          let sum = normalization == .candidates ? options.map { exp(logs[Int($0)]) }.reduce(0, +) : 1
          product *= exp(logs[Int(ids[place])]) / sum
        }
        mass[value, default: 0] += product
      }
      #expect(distribution.values == [-1, 0.5, 2, 5, 9])
      let joint = distribution.probabilities.map { $0 * distribution.coverage }
      #expect(differ(joint, distribution.values.map { mass[$0]! }) < 1e-6)
      if normalization == .candidates { #expect(abs(distribution.coverage - 1) < 1e-6) }
    }
  }

  /// A beam wide enough is exact; a narrow one keeps the best paths of every level and says that it dropped some.
  @Test func beams() throws {
    let space = try AnswerSpace.numbers(NumberFormat(digits: digits, integerDigits: 3...3))
    let exact = try Scorer(model).distributions(over: space, after: prompts)
    let wide = try Scorer(model).distributions(over: space, after: prompts, width: 90)
    #expect(exact.map(\.values) == wide.map(\.values))
    for (exact, wide) in zip(exact, wide) { #expect(differ(exact.probabilities, wide.probabilities) < 1e-6) }
    let narrow = try Scorer(model).distributions(over: space, after: prompts, width: 4)
    for (prompt, (narrow, exact)) in zip(prompts, zip(narrow, exact)) {
      #expect(!narrow.isExact)
      #expect(exact.isExact)
      #expect(narrow.values.count == 40)
      // By hand: the best four first digits, then the best four pairs, then all their numbers.
      func logs(_ ids: [Int32]) -> [Double] { plainLogProbabilities(model, after: prompt + ids) }
      var paths: [([Int32], Double)] = (1...9).map { ([Int32($0)], logs([])[$0]) }
      for _ in 0..<1 {
        paths = Array(paths.sorted { $0.1 > $1.1 }.prefix(4))
        paths = paths.flatMap { path in (0...9).map { (path.0 + [Int32($0)], path.1 + logs(path.0)[$0]) } }
      }
      paths = Array(paths.sorted { $0.1 > $1.1 }.prefix(4))
      let best = paths.flatMap { path in (0...9).map { Double(path.0[0]) * 100 + Double(path.0[1]) * 10 + Double($0) } }
      #expect(narrow.values == best.sorted())
      #expect(narrow.coverage < exact.coverage)
      for (value, probability) in zip(narrow.values, narrow.probabilities) {
        let same = exact.probabilities[exact.values.firstIndex(of: value)!] * exact.coverage
        #expect(abs(probability * narrow.coverage - same) < 1e-6)
      }
    }
  }

  /// Of many paths only those are left out that together hold no more than may be spared; the mass says what is missing.
  @Test func improbablePathsAreSpared() throws {
    let space = try AnswerSpace.numbers(NumberFormat(digits: digits, integerDigits: 4...4, leadingZeros: .padding))
    let exact = try Scorer(model).distributions(over: space, after: prompts)
    for spare in [0.001, 0.05] {
      let found = try Scorer(model).distributions(over: space, after: prompts, width: 4096, spare: spare)
      for (found, exact) in zip(found, exact) {
        #expect(exact.isExact)
        #expect(exact.cut == 0)
        #expect(exact.values.count == 10_000)
        #expect(found.cut <= spare)
        #expect(found.isExact == (found.values.count == 10_000))
        #expect(found.coverage <= exact.coverage + 1e-6)
        #expect(found.coverage + found.cut >= exact.coverage - 1e-6)
        let width = exact.values[exact.values.count - 1] - exact.values[0]
        // What is left out cannot move the mean by more than its share.
        #expect(abs(found.mean - exact.mean) <= width * (exact.coverage - found.coverage) / exact.coverage + 1e-3)
      }
    }
    // A width too small says how much it cut.
    for (found, exact) in zip(try Scorer(model).distributions(over: space, after: prompts, width: 8), exact) {
      #expect(found.cut > 0)
      #expect(!found.isExact)
      #expect(found.coverage + found.cut >= exact.coverage - 1e-6)
    }
  }

  /// A sampled read-out of an unsure model holds the whole mass, and its distribution function is off by shares of
  /// 1/width.
  @Test func sampledPathsStandForAll() throws {
    let unsure = TinyModel()
    noGrad { unsure.tokens.weight.mul_(0.25) }
    let space = try AnswerSpace.numbers(NumberFormat(digits: digits, integerDigits: 4...4, leadingZeros: .padding))
    let exact = try Scorer(unsure).distributions(over: space, after: prompts)
    for width in [64, 256] {
      let found = try Scorer(unsure).distributions(
        over: space, after: prompts, width: width, selection: .systematicSample)
      for (found, exact) in zip(found, exact) {
        #expect(!found.isExact)
        #expect(found.cut == 0)
        // Each level keeps its mass; what follows it is the sample's.
        #expect(abs(found.coverage - exact.coverage) < 0.02 * exact.coverage)
        #expect(exact.probabilities.max() ?? 1 < 0.2)
        let mass = Dictionary(uniqueKeysWithValues: zip(found.values, found.probabilities))
        var sums = (exact: 0.0, found: 0.0), worst = 0.0, area = 0.0
        for (value, probability) in zip(exact.values, exact.probabilities) {
          sums = (sums.exact + probability, sums.found + (mass[value] ?? 0))
          worst = max(worst, abs(sums.exact - sums.found))
          area += abs(sums.exact - sums.found)
        }
        // A share for each of two levels, and what is within a path.
        #expect(worst < 3 / Double(width), "width \(width): \(worst)")
        #expect(abs(found.mean - exact.mean) <= area + 1e-6)
        for truth in [exact.quantile(0.1), exact.median, exact.quantile(0.9)] {
          #expect(abs(found.crps(truth) / exact.crps(truth) - 1) < 4 / Double(width))
        }
      }
    }
    // Wide enough, nothing is sampled.
    let wide = try Scorer(unsure).distributions(over: space, after: prompts, width: 1000, selection: .systematicSample)
    #expect(wide.map(\.probabilities) == exact.map(\.probabilities))
  }

  @Test func scoresOfOneToken() throws {
    let space = try TokenSpace(name: "scores", unit: .number, ids: [11, 3, 17], values: [1, 0, 5])
    let found = try Scorer(model).distributions(over: try .tokens(of: space), after: prompts)
    #expect(model.passes.count == 1)
    for (prompt, distribution) in zip(prompts, found) {
      let logs = plainLogProbabilities(model, after: prompt)
      let wanted = [3, 11, 17].map { exp(logs[$0]) }, sum = wanted.reduce(0, +)
      #expect(distribution.values == [0, 1, 5])
      #expect(differ(distribution.probabilities, wanted.map { $0 / sum }) < 1e-6)
      #expect(abs(distribution.coverage - sum) < 1e-6)
      #expect(abs(distribution.mean - (wanted[1] + 5 * wanted[2]) / sum) < 1e-6)
    }
    let labels = try TokenSpace(name: "labels", ids: [1, 2])
    #expect(throws: TokenSpaceError.self) { try AnswerSpace.tokens(of: labels) }
  }

  @Test func badInput() throws {
    let scorer = Scorer(model), space = try AnswerSpace.tokens(of: digits)
    let long = [Int32](repeating: 1, count: 65)
    #expect(throws: DecodingError.empty(index: 1)) { try scorer.distributions(over: space, after: [[1], []]) }
    #expect(throws: DecodingError.tooLong(index: 0, length: 65, limit: 64)) {
      try scorer.distributions(over: space, after: [long])
    }
    #expect(throws: DecodingError.empty(index: 0)) {
      try scorer.logLikelihoods(of: [Continuation(prompt: [], ids: [1])])
    }
    #expect(throws: DecodingError.badSetting("width: expected at least 1, found 0")) {
      try scorer.distributions(over: space, after: [[1]], width: 0)
    }
    let beyond = try TokenSpace(name: "beyond", ids: [22, 23])
    #expect(throws: TokenSpaceError.self) { try scorer.probabilities(over: beyond, in: [[1]], at: [[1]]) }
    // An answer that never ends runs into the end of the context, not into the night.
    let endless = AnswerSpace { _ in .tokens([1]) }
    #expect(throws: DecodingError.self) { try scorer.distributions(over: endless, after: [[1]]) }
    #expect(throws: DecodingError.self) {
      try scorer.distributions(over: AnswerSpace { _ in .tokens([]) }, after: [[1]])
    }
    model.layers[0].out.weight.fill_(.nan)
    #expect(throws: DecodingError.notFinite(index: 0, step: 0)) { try scorer.distributions(over: space, after: [[1]]) }
  }
}
