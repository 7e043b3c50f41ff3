// SPDX-License-Identifier: Apache-2.0
import Evaluation
import MetricTokens
import Testing

@Suite struct AnswerSpaceTests {
  /// Every answer of a space: its text and its value. Ids 0 … 9 are digits, 10 the point, 11 minus, 12 the end.
  func answers(_ format: NumberFormat) throws -> [String: Double] {
    let space = try AnswerSpace.numbers(format)
    var found = [String: Double](), open: [[Int32]] = [[]]
    while let path = open.popLast() {
      switch space.after(path) {
      case .tokens(let next):
        #expect(!next.isEmpty, "\(path) leads nowhere")
        #expect(Set(next).count == next.count)
        open += next.map { path + [$0] }
      case .value(let value):
        let text = path.map { ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", ".", "-", ";"][Int($0)] }.joined()
        #expect(found.updateValue(value, forKey: text) == nil)
      }
    }
    return found
  }

  let digits: TokenSpace

  init() throws {
    digits = try TokenSpace(name: "digits", unit: .digit, ids: Array(0...9), values: (0...9).map(Double.init))
  }

  @Test func fixedDecimals() throws {
    let found = try answers(NumberFormat(digits: digits, fractionDigits: 3...3, point: 10, bounds: 0...0.999))
    #expect(found.count == 1_000)
    #expect(found["0.123"] == 0.123)
    #expect(found.allSatisfy { Double($0.key) == $0.value })
  }

  @Test func integersWithinBounds() throws {
    let found = try answers(NumberFormat(digits: digits, integerDigits: 1...4, ends: [12], bounds: 0...1023))
    #expect(Set(found.values) == Set((0...1023).map(Double.init)))
    #expect(found.count == 1024)
    #expect(found["0;"] == 0)
    #expect(found["7;"] == 7)
    #expect(found["102;"] == 102)
    #expect(found["1023"] == 1023)
  }

  @Test func signsAndVariableFractions() throws {
    let format = NumberFormat(
      digits: digits, integerDigits: 1...2, fractionDigits: 0...1, point: 10, minus: 11, ends: [12], bounds: -3...11.5)
    let found = try answers(format)
    var wanted = [String: Double]()
    for tenths in -30...115 {
      let sign = tenths < 0 ? "-" : "", size = abs(tenths)
      wanted["\(sign)\(size / 10).\(size % 10)"] = Double(tenths) / 10
      if tenths % 10 == 0 { wanted["\(sign)\(size / 10);"] = Double(tenths) / 10 }
    }
    for (text, value) in [("-0;", 0.0), ("-0.0", 0)] { wanted[text] = value }
    #expect(found == wanted)
  }

  @Test func unbounded() throws {
    #expect(try answers(NumberFormat(digits: digits, integerDigits: 2...2)).count == 90)
    #expect(try answers(NumberFormat(digits: digits, integerDigits: 1...2, ends: [12])).count == 100)
  }

  /// `007` is three digits, the number 7 and no number 0: as many answers as there are numbers.
  @Test func zerosInFront() throws {
    let padded = try answers(NumberFormat(digits: digits, integerDigits: 3...3, leadingZeros: .padding))
    #expect(padded.count == 1000)
    #expect(padded["007"] == 7)
    #expect(padded["000"] == 0)
    #expect(padded.allSatisfy { $0.key.count == 3 && Double($0.key) == $0.value })
    // Longer ones have no zeros in front; the shortest may be all zeros.
    let longer = try answers(
      NumberFormat(digits: digits, integerDigits: 2...3, leadingZeros: .padding, ends: [12]))
    #expect(longer.count == 1000)
    #expect(longer["07;"] == 7)
    #expect(longer["107"] == 107)
    #expect(longer["007"] == nil)
    let any = try answers(NumberFormat(digits: digits, integerDigits: 1...2, leadingZeros: .any, ends: [12]))
    #expect(any.count == 110)
    #expect(any["7;"] == 7)
    #expect(any["07"] == 7)
    // A plain number has none, and may not begin with one unless it is 0.
    let plain = try answers(NumberFormat(digits: digits, integerDigits: 1...3, ends: [12]))
    #expect(plain.count == 1000)
    #expect(plain["0;"] == 0)
    #expect(plain["007"] == nil)
    #expect(plain["0"] == nil)
    let fixed = try answers(
      NumberFormat(digits: digits, integerDigits: 4...4, leadingZeros: .padding, bounds: 95...120))
    #expect(fixed.count == 26)
    #expect(fixed["0095"] == 95)
  }

  @Test func numbersThatBeginWithThePoint() throws {
    let found = try answers(
      NumberFormat(digits: digits, integerDigits: 0...1, fractionDigits: 1...2, point: 10, ends: [12]))
    #expect(found[".5;"] == 0.5)
    #expect(found[".25"] == 0.25)
    #expect(found["3.1;"] == 3.1)
    #expect(found.count == 11 * 110)
  }

  @Test func formatsThatCannotBe() throws {
    let words = try TokenSpace(name: "words", ids: [1, 2])
    for format in [
      NumberFormat(digits: words), NumberFormat(digits: digits, integerDigits: 0...2, ends: [12]),
      NumberFormat(digits: digits, integerDigits: 1...2), NumberFormat(digits: digits, fractionDigits: 1...1),
      NumberFormat(digits: digits, fractionDigits: 0...1, point: 10),
      NumberFormat(digits: digits, integerDigits: 16...16),
    ] {
      #expect(throws: DecodingError.self) { try AnswerSpace.numbers(format) }
    }
    #expect(throws: DecodingError.self) { try AnswerSpace.spellings([([1], 1), ([1], 2)]) }
    #expect(throws: DecodingError.self) { try AnswerSpace.spellings([([1], 1), ([1, 2], 2)]) }
    #expect(throws: DecodingError.self) { try AnswerSpace.spellings([([1, 2], 2), ([1], 1)]) }
    #expect(throws: DecodingError.self) { try AnswerSpace.spellings([([], 1)]) }
  }
}
