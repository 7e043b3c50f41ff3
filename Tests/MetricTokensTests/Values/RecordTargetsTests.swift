// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing

/// Targets whose width each record says.
@Suite struct RecordTargetsTests {
  private let format = try! ValueFormat(indices: 0...999)

  private func teacher(_ scale: ValueScale) -> ValueTeacher {
    ValueTeacher(
      [
        ValueRule(
          ValueTeacherTests.space, target: ValueTarget(format, distance: .squared, scale: scale), draw: 0,
          crossEntropy: .replaced)
      ], seed: 7)
  }

  /// `4 0 , 7 <end>` or other numbers, with fields.
  private func example(_ numbers: [Int], _ measures: [String: [Double]] = [:]) -> EncodedExample {
    var ids = [Int32](), metrics = [MetricPosition]()
    for (number, value) in numbers.enumerated() {
      for digit in "\(value)" {
        let candidate = digit.wholeNumberValue ?? 0
        metrics.append(MetricPosition(position: ids.count, candidate: candidate, number: number))
        ids.append(Int32(candidate))
      }
      ids.append(number == numbers.count - 1 ? ValueTeacherTests.end : ValueTeacherTests.comma)
    }
    return EncodedExample(
      ids: ids, supervised: ids.map { _ in true }, metrics: metrics, measures: measures, source: "line 3")
  }

  /// p of a number by the product of what is taught along its characters.
  private func probability(_ taught: EncodedExample, _ number: Int) throws -> Double {
    let places = taught.metrics.filter { $0.number == number }
    return try places.reduce(1) { product, place in
      let given = try #require(place.given)
      return product * (place.candidate < 12 ? given.probabilities[place.candidate] : given.endProbability)
    }
  }

  /// Σ over all values, for a normal target.
  private func normal(_ x: Double, around centre: Double, _ sigma: Double) -> Double {
    func weight(_ v: Double) -> Double { exp(-(v - centre) * (v - centre) / (2 * sigma * sigma)) }
    return weight(x) / (0...999).reduce(0) { $0 + weight(Double($1)) }
  }

  @Test func fieldsSayTheWidthOfEach() throws {
    let one = try teacher(.field("sd")).taught(example([40, 700], ["sd": [12]]), epoch: 0, index: 0)
    #expect(abs(try probability(one, 0) - normal(40, around: 40, 12)) < 1e-12)
    #expect(abs(try probability(one, 1) - normal(700, around: 700, 12)) < 1e-12)
    let two = try teacher(.field("sd")).taught(example([40, 700], ["sd": [3, 50]]), epoch: 0, index: 0)
    #expect(abs(try probability(two, 0) - normal(40, around: 40, 3)) < 1e-12)
    #expect(abs(try probability(two, 1) - normal(700, around: 700, 50)) < 1e-12)
  }

  @Test func ratersAreMixed() throws {
    let ratings = [30.0, 42.5, 44, 90]
    let taught = try teacher(.raters("said", width: 6)).taught(example([40], ["said": ratings]), epoch: 0, index: 0)
    let wanted = ratings.reduce(0) { $0 + normal(40, around: $1, 6) } / 4
    #expect(abs(try probability(taught, 0) - wanted) < 1e-12)
  }

  @Test func boxesAreAsWideAsTheirSize() throws {
    let numbers = [100, 300, 180, 700, 10, 20, 10, 60]
    let taught = try teacher(.box(0.1)).taught(example(numbers), epoch: 0, index: 0)
    // 80 by 400; then one without width, where a step is the least.
    for (index, sigma) in [8, 40, 8, 40, 1, 4, 1, 4].enumerated() {
      let value = Double(numbers[index])
      #expect(abs(try probability(taught, index) - normal(value, around: value, Double(sigma))) < 1e-12)
    }
  }

  @Test func recordsWithoutTheFieldAreNamed() throws {
    for measures in [[:], ["sd": [0]], ["sd": [.nan]], ["sd": [-1]], ["sd": [3.0, 4]]] as [[String: [Double]]] {
      let error = #expect(throws: ValueTargetError.self) {
        try teacher(.field("sd")).taught(example([40, 700, 3], measures), epoch: 0, index: 0)
      }
      #expect(error?.description.contains("line 3: key sd: expected a number above 0") == true)
    }
    #expect(throws: ValueTargetError.self) {
      try teacher(.raters("said", width: 6)).taught(example([40]), epoch: 0, index: 0)
    }
  }
}
