// SPDX-License-Identifier: Apache-2.0
import Files
import Reports
import Testing

/// Several verdicts on one claim come to one conclusion, which hides no contradiction.
@Suite struct ConclusionTests {
  @Test(
    arguments: [
      ([.better, .better], .better), ([.worse], .worse), ([.better, .worse], .mixed),
      ([.better, .noDifferenceShown], .mixed), ([.identical, .worse], .mixed), ([.better, .tooFewPairs], .mixed),
      ([.noDifferenceShown, .identical], .noDifferenceShown), ([.noDifferenceShown, .tooFewPairs], .noDifferenceShown),
      ([.tooFewPairs, .tooFewPairs], .undecided), ([], .undecided),
    ] as [([Verdict.Outcome], Conclusion)])
  func outcomesFold(_ outcomes: [Verdict.Outcome], _ conclusion: Conclusion) {
    #expect(Conclusion(outcomes) == conclusion)
  }

  @Test func aMixedClaimHasItsOwnMark() {
    var page = HTMLReport("Title")
    page.claim("K9", "better here, worse there", .mixed)
    #expect(page.html.contains("aria-label=\"mixed\""))
    #expect(page.html.contains(">±<"))
  }

  @Test func verdictsAreReadByPrograms() {
    let json = Verdict("MAE", ours: [1, 2, 3.5], theirs: [2, 3, 4]).json
    #expect(json["outcome"] == "better")
    #expect(json["pairs"] == 3)
    #expect(json["theirs"] == 3.0)
    let one = Verdict("MAE", ours: [1], theirs: [2]).json
    #expect(one["outcome"] == "tooFewPairs")
    #expect(one["low"] == .null)
    #expect(one["difference"] == -1.0)
  }
}
