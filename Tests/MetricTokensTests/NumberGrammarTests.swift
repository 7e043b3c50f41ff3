// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Testing

@Suite struct NumberGrammarTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var values: [Double]
    var testDescription: String { text }
    init(_ text: String, _ values: [Double]) { (self.text, self.values) = (text, values) }
  }

  @Test(arguments: [
    Case("5", [5]), Case("-5", [-5]), Case("+5", [5]), Case("\u{2212}5", [-5]), Case("1.25", [1.25]),
    Case(" 0.123", [0.123]), Case("-0.5 and .5, -.25", [-0.5, 0.5, -0.25]), Case("007", [7]),
    Case("(0.629, 0.805)", [0.629, 0.805]), Case("y = 0.456.", [0.456]), Case("ends with 5.", [5]),
    Case("3-5", [3, 5]), Case("a-5", [5]), Case("(2)-5", [2, 5]), Case("2024-05-01", [2024, 5, 1]),
    Case("5kg, 3% of $20", [5, 3, 20]), Case("1/2", [1, 2]), Case("10:30", [10, 30]), Case("...5", [5]),
    Case("1,024", [1024]), Case("Step 1: <b>(0.629, 0.805)</b>", [1, 0.629, 0.805]), Case("约5米", [5]),
    Case("1..5", [1, 5]), Case("--5", [-5]), Case("5e", [5]), Case("5e-", [5]), Case("fig.5", [5]),
    Case("", []), Case("none", []), Case("-", []), Case(".", []), Case("-.", []), Case("- 5", [5]),
    // No numbers: words, other notations, other scripts.
    Case("x1", []), Case("1_00", []), Case("a1_000", []), Case("0x1F", []), Case("1e3", []), Case("1e-3", []),
    Case("2.5E+10", []),
    Case("1.2.3", []), Case("٣", []), Case("٣5", []), Case("5٣", []), Case("5½", []), Case("１２", []),
    Case("Step1 _5 5_", []), Case("é5", []), Case("192.168.0.1 then 7", [7]), Case("1e3 4", [4]),
  ])
  func readsNumbersAndNothingElse(example: Case) {
    #expect(NumberGrammar().numbers(in: example.text).map(\.value) == example.values)
  }

  @Test(arguments: [
    Case("1,024", [1024]), Case("-1,234,567.25", [-1_234_567.25]), Case("12,34", [12, 34]), Case("0,123", [0, 123]),
    Case("1234,567", [1234, 567]), Case("1,0245", [1, 245]), Case("1,024,5", [1024, 5]), Case("(1, 024)", [1, 24]),
  ])
  func thousandsOnRequest(example: Case) {
    #expect(NumberGrammar(thousands: .comma).numbers(in: example.text).map(\.value) == example.values)
  }

  /// As a person reads them: groups are one number, lists stay lists.
  @Test(arguments: [
    Case("1,000", [1000]), Case("$1,024.50", [1024.5]), Case("-1,234,567", [-1_234_567]), Case("1'000", [1000]),
    Case("1\u{2019}000", [1000]), Case("1\u{202F}000\u{202F}000", [1_000_000]), Case("1\u{2009}000", [1000]),
    Case("1\u{A0}000,5", [1000, 5]), Case("1_000", [1000]), Case("about 1,000 of 2,500", [1000, 2500]),
    Case("(1,000 in all)", [1000]), Case("\\boxed{1,000}", [1000]), Case("1 000", [1, 0]),
    Case("[12, 345, 678, 901]", [12, 345, 678, 901]), Case("[123,456,789]", [123, 456, 789]),
    Case("[[1,234],[5,678]] 1,234", [1, 234, 5, 678, 1234]), Case("(123,456)", [123, 456]),
    Case("(123,456),(789,012)", [123, 456, 789, 12]), Case("12,345,6", [12, 345, 6]), Case("12,34,567", [12, 34, 567]),
    Case("0,123", [0, 123]), Case("3,5", [3, 5]), Case("1234,567", [1234, 567]), Case("1,000,00", [1, 0, 0]),
  ])
  func groupsAndListsAsAPersonReadsThem(example: Case) {
    #expect(NumberGrammar().numbers(in: example.text).map(\.value) == example.values)
    let never = NumberGrammar(thousands: .never).numbers(in: example.text).count
    #expect(never >= example.values.count || example.text.contains("_"))
  }

  @Test func otherSeparatorsOnRequest() {
    #expect(NumberGrammar(thousands: .space).numbers(in: "1 000 000").map(\.value) == [1_000_000])
    #expect(NumberGrammar(thousands: .underscore).numbers(in: "1_000").map(\.value) == [1000])
    #expect(NumberGrammar(thousands: .never).numbers(in: "1_000 1,000").map(\.value) == [1, 0])
  }

  @Test func optionsLeaveOut() {
    #expect(NumberGrammar(signs: false).numbers(in: "-5").map(\.value) == [5])
    #expect(NumberGrammar(decimals: false).numbers(in: "1.25 7").map(\.value) == [7])
  }

  @Test func partsOfANumber() {
    let number = NumberGrammar(thousands: .comma).numbers(in: "é -1,024.50 ")[0]
    #expect(number.isNegative)
    #expect(number.digits == [1, 0, 2, 4, 5, 0])
    #expect(number.exponent == -2)
    #expect(number.range == 2..<11)
    #expect(number.offsets == [3, 5, 6, 7, 9, 10])
    #expect(number.value == -1024.5)
  }

  /// Equation 9: 4 for thousands … 1 for units; docs/paper-map.md Q10: 0.123 → 4, 3, 2, 1, and 1; 3, 2, 1 run by run.
  @Test func placesOfADecimal() {
    let number = NumberGrammar().numbers(in: "0.123")[0]
    let places = number.digits.indices.map(number.place(ofDigit:))
    #expect(places.map(\.rankInNumber) == [4, 3, 2, 1])
    #expect(places.map(\.rankInRun) == [1, 3, 2, 1])
    #expect(places.map(\.exponent) == [0, -1, -2, -3])
    let thousand = NumberGrammar().numbers(in: "1024")[0]
    #expect(thousand.digits.indices.map { thousand.place(ofDigit: $0).rankInNumber } == [4, 3, 2, 1])
    #expect(thousand.digits.indices.map { thousand.place(ofDigit: $0).exponent } == [3, 2, 1, 0])
  }

  @Test func spansStandAlone() {
    let text = "7 x5 0.123"
    #expect(NumberGrammar().numbers(in: text, within: [3..<4]).map(\.value) == [5])
    #expect(NumberGrammar().numbers(in: text, within: [5..<8]).map(\.value) == [0.1])
    #expect(NumberGrammar().numbers(in: text, within: [-5..<1, 99..<100, 5..<99]).map(\.value) == [7, 0.123])
    #expect(NumberGrammar().numbers(in: text, within: []).isEmpty)
  }

  @Test func onlyMarkedNumbersCount() {
    let text = "Step 1: <b>(0.629, 0.805)</b>, rotate <r>-90</r>, 2 <b>3"
    let spans = Delimiters("<b>", "</b>").spans(in: text)
    #expect(NumberGrammar().numbers(in: text, within: spans).map(\.value) == [0.629, 0.805])
    let angles = Delimiters("<r>", "</r>").spans(in: text)
    #expect(NumberGrammar().numbers(in: text, within: angles).map(\.value) == [-90])
    #expect(Delimiters("|", "|").spans(in: "1|2|3|4") == [2..<3])
    #expect(Delimiters("<b>", "</b>").spans(in: "<b>1<b>2</b></b>") == [7..<8])
    #expect(Delimiters("<b>", "</b>").spans(in: text, within: 0..<20).isEmpty)
  }

  /// Numbers too long for a double are passed over, and length costs no more than time in proportion.
  @Test func longInputs() {
    #expect(NumberGrammar().numbers(in: String(repeating: "9", count: 100_000)).isEmpty)
    #expect(NumberGrammar().numbers(in: String(repeating: "1.", count: 50_000)).isEmpty)
    #expect(NumberGrammar(thousands: .comma).numbers(in: String(repeating: "1,", count: 20_000)).count == 20_000)
    let groups = String(repeating: "111,", count: 50_000)
    #expect(NumberGrammar().numbers(in: "[" + groups + "1]").count == 50_001)
    #expect(NumberGrammar().numbers(in: groups + "1").count == 50_001)
    var survey = NumberSurvey()
    for text in [groups, String(repeating: "111 ", count: 50_000)] { survey.add(text) }
    #expect(survey.texts == 2)
  }

  /// Random text from a nasty alphabet: offsets hold, numbers are disjoint, and each rereads as itself.
  @Test func randomTexts() {
    let alphabet = Array("0123456789.,-+ _eEx٣½é约()\u{2212}\n".unicodeScalars)
    var generator = CounterGenerator(11)
    for _ in 0..<5000 {
      let scalars = (0..<generator.next(below: 12)).map { _ in alphabet[generator.next(below: alphabet.count)] }
      var end = 0
      for number in NumberGrammar(thousands: .comma).numbers(in: String(String.UnicodeScalarView(scalars))) {
        #expect(number.range.lowerBound >= end)
        #expect(number.range.upperBound <= scalars.count)
        end = number.range.upperBound
        #expect(number.digits.count == number.offsets.count)
        #expect(!number.digits.isEmpty)
        for (digit, offset) in zip(number.digits, number.offsets) {
          #expect(number.range.contains(offset))
          #expect(String(scalars[offset]) == String(digit))
        }
        let alone = String(String.UnicodeScalarView(scalars[number.range]))
        #expect(NumberGrammar(thousands: .comma).numbers(in: alone).map(\.value) == [number.value])
      }
    }
  }
}
