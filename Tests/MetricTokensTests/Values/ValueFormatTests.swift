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
