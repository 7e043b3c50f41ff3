// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing

@Suite struct ValueFormatTests {
  @Test(
    arguments: [
      (["7", "12", "130"], 7...130, 0, false, 1),
      (["007", "012", "130"], 7...130, 0, false, 3),
      (["-1.5", "2.25"], -150...225, 2, true, 1),
      (["-1.50", "2.25", "0.00"], -150...225, 2, false, 1),
      (["0.5", "0.125", "3"], 125...3000, 3, true, 1),
    ]) func learnsTheFormat(
      _ texts: [String], _ indices: ClosedRange<Int>, _ decimals: Int, _ isTrimmed: Bool, _ width: Int
    ) throws
  {
    let numbers = texts.flatMap { NumberGrammar().numbers(in: $0) }
    let learnt = try ValueFormat.learnt(from: numbers)
    #expect(
      learnt.format
        == (try ValueFormat(indices: indices, decimals: decimals, isTrimmed: isTrimmed, integerDigits: width)))
    #expect(learnt.count == texts.count)
    #expect(learnt.otherCount == 0)
    for text in texts {
      let index = try #require(learnt.format.index(of: text))
      #expect(learnt.format.text(index) == text)
      #expect(learnt.format.value(index) == Double(text))
    }
  }

  @Test func namesWhatIsWrittenOtherwise() throws {
    let numbers = ["007", "12", "100"].flatMap { NumberGrammar().numbers(in: $0) }
    let learnt = try ValueFormat.learnt(from: numbers)
    #expect(learnt.format.integerDigits == 2)
    #expect(learnt.others == ["007"])
    #expect(learnt.otherCount == 1)
  }

  /// A hundred answers on a coarse grid show it, fewer or one between them do not.
  @Test(arguments: [
    (["1.0", "2.5", "6.0"], 100, 5, 2...12), (["1.0", "2.5", "6.0"], 99, 1, 10...60),
    (["1.0", "2.5", "6.1"], 300, 1, 10...61), (["1500", "900", "40000"], 120, 100, 9...400),
    (["-0.25", "1.50", "3.75"], 120, 25, -1...15), (["12", "24", "60"], 120, 2, 6...30), (["0", "0"], 200, 1, 0...0),
  ]) func learnsTheStep(_ texts: [String], _ count: Int, _ step: Int, _ indices: ClosedRange<Int>) throws {
    let numbers = texts.flatMap { NumberGrammar().numbers(in: $0) }
    let learnt = try ValueFormat.learnt(from: (0..<count).map { numbers[$0 % numbers.count] })
    #expect(learnt.format.step == step)
    #expect(learnt.format.indices == indices)
    for text in texts {
      let index = try #require(learnt.format.index(of: text))
      #expect(learnt.format.text(index) == text)
      #expect(learnt.format.value(index) == Double(text))
    }
  }

  @Test func knowsTheValuesOfACoarseGrid() throws {
    let format = try ValueFormat(indices: -4...12, decimals: 1, step: 5)
    #expect(format.range == -2...6)
    #expect(format.spacing == 0.5)
    #expect(["3.1", "0.4", "6.5", "-2.5"].allSatisfy { format.index(of: $0) == nil })
    #expect(format.index(nearest: 3.3) == 7)
    #expect(format.widened(by: 0.05).range == -2...6)
    #expect(format.widened(by: 0.2).range == -3.5...7.5)
    #expect(throws: ValueFormatError.self) { try ValueFormat(indices: 0...9, step: 0) }
    #expect(throws: ValueFormatError.self) { try ValueFormat(indices: 0...9, step: .max) }
  }

  /// A run of an earlier version knows no step.
  @Test func readsOlderFiles() throws {
    let old = #"{"indices": [0, 40], "decimals": 1, "isTrimmed": false, "integerDigits": 1}"#
    let read = try JSONDecoder().decode(ValueFormat.self, from: Data(old.utf8))
    #expect(try read == ValueFormat(indices: 0...40, decimals: 1))
    let coarse = try ValueFormat(indices: 0...8, decimals: 1, step: 5)
    #expect(try JSONDecoder().decode(ValueFormat.self, from: JSONEncoder().encode(coarse)) == coarse)
  }

  @Test(arguments: ["07", "7.0", "-0", "1e2", "131", "", "-", "7.", " 7"]) func refusesOtherWritings(_ text: String)
    throws
  {
    #expect(try ValueFormat(indices: -5...130).index(of: text) == nil)
  }

  @Test func refusesNumbersOfTooManyDigits() throws {
    #expect(throws: ValueFormatError.self) { try ValueFormat(indices: 0...1, decimals: 16) }
    #expect(throws: ValueFormatError.self) { try ValueFormat(indices: .min ... .max) }
    let long = NumberGrammar().numbers(in: String(repeating: "9", count: 40))
    #expect(throws: ValueFormatError.self) { try ValueFormat.learnt(from: long) }
    #expect(throws: ValueFormatError.self) { try ValueFormat.learnt(from: []) }
  }

  @Test func widensWithinItsDigits() throws {
    #expect(try ValueFormat(indices: 20...90).widened(by: 0.5).indices == 0...99)
    #expect(try ValueFormat(indices: -20...900).widened(by: 0.05).indices == -67...947)
    #expect(try ValueFormat(indices: 7...30, integerDigits: 3).widened(by: 10).indices == 0...270)
  }
}
