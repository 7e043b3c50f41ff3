// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing

/// Targets over whole numbers as examples carry them. Ids 0 … 9 are digits, 10 the point, 11 the minus.
@Suite struct ValueTeacherTests {
  static let space: TokenSpace = {
    guard let space = try? TokenSpace(name: "y", unit: .character, ids: Array(0..<12)) else { preconditionFailure() }
    return space
  }()
  static let end: Int32 = 20, comma: Int32 = 21, word: Int32 = 22

  func teacher(_ draw: Double, _ crossEntropy: ValueRule.CrossEntropy = .replaced, limit: Int = .max) throws
    -> ValueTeacher
  {
    let target = ValueTarget(try ValueFormat(indices: 0...999), distance: .squared, scale: .width(30))
    return ValueTeacher(
      [ValueRule(Self.space, target: target, draw: draw, crossEntropy: crossEntropy)], seed: 7, maxLength: limit)
  }

  /// `w w 4 0 , 7 <end>`, answers from the third token on.
  let example = EncodedExample(
    ids: [word, word, 4, 0, comma, 7, end], supervised: [false, false, true, true, true, true, true],
    metrics: [(2, 4, 0), (3, 0, 0), (5, 7, 1)].map { MetricPosition(position: $0, candidate: $1, number: $2) },
    images: [], source: "x")

  @Test func teachesAlongTheAnswersOwnNumber() throws {
    let taught = try teacher(0).taught(example, epoch: 0, index: 3)
    #expect(taught.ids == example.ids)
    #expect(taught.supervised == example.supervised)
    #expect(taught.metrics.map(\.position) == [2, 3, 4, 5, 6])
    #expect(taught.metrics.map { $0.given?.end } == [Self.comma, Self.comma, Self.comma, Self.end, Self.end])
    for metric in taught.metrics {
      let given = try #require(metric.given)
      #expect(abs(given.probabilities.reduce(given.endProbability, +) - 1) < 1e-12)
      #expect(given.replacesLabel)
    }
    // The first digit of 40 ± 30: mostly 1 … 9 with another digit; 0 only as the whole number 0.
    let first = try #require(taught.metrics[0].given?.probabilities)
    #expect(first[0] < 0.01)
    #expect(first[4] > first[9])
  }

  @Test func drawnNumbersFollowTheTarget() throws {
    let teacher = try teacher(1)
    var sum = 0.0, squares = 0.0, lengths = Set<Int>()
    let count = 4000
    for index in 0..<count {
      let taught = try teacher.taught(example, epoch: 1, index: index)
      let number = taught.metrics.filter { $0.number == 0 }.dropLast().reduce(0) { $0 * 10 + $1.candidate }
      (sum, squares) = (sum + Double(number), squares + Double(number * number))
      lengths.insert(taught.ids.count)
      let commaAt = try #require(taught.ids.firstIndex(of: Self.comma))
      #expect(taught.metrics.filter { $0.number == 0 }.map(\.position) == Array(2...commaAt))
      #expect(taught.supervised.count == taught.ids.count)
    }
    // Normal with mean 40 and sd 30, cut off below 0 (−0.5 for whole numbers).
    let target = ValueTarget(try ValueFormat(indices: 0...999), distance: .squared, scale: .width(30))
    let p = NumberConditionalsTests.enumerate(target, 40)
    let mean = p.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element }
    let variance = p.enumerated().reduce(0) { $0 + pow(Double($1.offset) - mean, 2) * $1.element }
    let n = Double(count)
    #expect(abs(sum / n - mean) < 4 * (variance / n).squareRoot())
    #expect(abs(squares / n - sum / n * sum / n - variance) < 0.1 * variance)
    #expect(lengths.count > 1, "numbers of one and of three digits are drawn as well")
  }

  @Test func drawsDependOnTheirKeyAlone() throws {
    let teacher = try teacher(1)
    let first = try teacher.taught(example, epoch: 2, index: 5)
    for other in 0..<20 { _ = try teacher.taught(example, epoch: 2, index: other) }
    #expect(try teacher.taught(example, epoch: 2, index: 5) == first)
    let others = try (0..<20).map { try teacher.taught(example, epoch: $0, index: 5).ids }
    #expect(Set(others).count > 10)
    #expect(try teacher.taught(example, epoch: 2, index: 5, draws: false).ids == example.ids)
  }

  @Test func keepsWithinTheLongestLength() throws {
    let teacher = try teacher(1, limit: example.ids.count)
    for index in 0..<200 {
      #expect(try teacher.taught(example, epoch: 0, index: index).ids.count <= example.ids.count)
    }
  }

  @Test func movesWhatStandsBehindANumber() throws {
    var pair = example
    pair.breaks = [5]
    pair.ratings = [Rating(position: 6, values: [1])]
    let teacher = try teacher(1)
    for index in 0..<50 {
      let taught = try teacher.taught(pair, epoch: 0, index: index)
      #expect(taught.ids[taught.breaks[0] - 1] == Self.comma, "a document ends where it ended")
      #expect(taught.ids[taught.ratings[0].position] == Self.end)
    }
  }

  @Test func leavesOtherNumbersToCrossEntropy() throws {
    var long = example
    long.ids[2...3] = [0, 7]  // 07 is not how the format writes 7
    long.metrics[0].candidate = 0
    long.metrics[1].candidate = 7
    let taught = try teacher(1).taught(long, epoch: 0, index: 0)
    #expect(taught.metrics.allSatisfy { $0.number == 1 })
    #expect(taught.ids[2...3] == [0, 7])
  }

  @Test func unlabelsWhatIsReplaced() throws {
    let replaced = TokenBatch([try teacher(0).taught(example, epoch: 0, index: 0)]).supervision
    #expect(replaced.labels == [-100, -100, -100, -100, -100])
    let kept = TokenBatch([try teacher(0, .kept).taught(example, epoch: 0, index: 0)]).supervision
    #expect(kept.labels == [4, 0, Self.comma, 7, Self.end])
    #expect(kept.metrics.compactMap(\.given).count == 5)
  }
}
