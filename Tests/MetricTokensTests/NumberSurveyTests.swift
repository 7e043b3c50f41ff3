// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Testing

@Suite struct NumberSurveyTests {
  private func survey(_ texts: String...) -> NumberSurvey {
    texts.reduce(into: NumberSurvey()) { $0.add($1) }
  }

  @Test(
    arguments: [
      ("1,000", [.commaGroups]), ("$1,024.50", [.commaGroups, .currency]), ("1'000", [.otherGroups]),
      ("1\u{202F}000", [.otherGroups]), ("1_000", [.otherGroups]), ("1 000", [.spaceGroups]),
      ("1.000,50", [.pointGroups]),
      ("1.000.000", [.pointGroups]), ("3,5", [.decimalCommas]), ("[123,456]", [.commaLists]),
      ("12,345,6", [.commaLists]),
      ("1000", [.plainThousands]), ("1e3", [.scientific]), ("5 %", []), ("5%", [.percent]), ("5kg", [.unit]),
      ("42", []),
      ("5 kg", []), ("x1", []), ("0.125", []),
    ] as [(String, Set<NumberSurvey.Form>)])
  func everyFormIsCounted(text: String, forms: Set<NumberSurvey.Form>) {
    #expect(Set(survey(text).counts.keys) == forms)
  }

  @Test func decimalsOfAnswersThatAreOneNumber() {
    let mixed = survey("1", "2.5", "3.25", "about 4")
    #expect(mixed.single == 4)
    #expect(mixed.decimals == [0: "1", 1: "2.5", 2: "3.25"])
    #expect(survey("1 and 2").single == 0)
  }

  /// Pairs look like thousands nine times in ten.
  @Test func aFewPairsShowThatAllAre() {
    #expect(!survey("1,000", "2,500", "30").commasAreLists)
    #expect(survey("512,384", "120,640", "51,38").commasAreLists)
    #expect(survey("[512,384]").commasAreLists)
    var large = NumberSurvey()
    for _ in 0..<100 { large.add("1,000") }
    large.add("3,5")
    #expect(!large.commasAreLists)
  }
}
