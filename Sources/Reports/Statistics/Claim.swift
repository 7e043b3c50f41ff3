// SPDX-License-Identifier: Apache-2.0
public import Files

/// A claim and the comparisons that speak to it.
public struct Claim {
  /// `K6`
  public var id: String
  /// The claim in the paper's sense.
  public var text: String
  /// Comparisons and their results, uncorrected.
  public var comparisons: [(label: String, verdict: Verdict)]
  /// Comparisons that are claimed to show no difference; a claim has either these or ``comparisons``.
  public var equivalences: [(label: String, equivalence: Equivalence)] = []
  /// A sentence before the comparisons, and what else their reader has to know.
  public var opening: String
  /// What else the reader has to know; empty for nothing.
  public var remark: String

  /// Memberwise.
  public init(
    _ id: String, _ text: String, _ comparisons: [(label: String, verdict: Verdict)], opening: String = "",
    remark: String = ""
  ) {
    (self.id, self.text, self.comparisons, self.opening, self.remark) = (id, text, comparisons, opening, remark)
  }

  /// A claim of no difference.
  public init(_ id: String, _ text: String, equal: [(label: String, equivalence: Equivalence)], remark: String = "") {
    self.init(id, text, [], remark: remark)
    equivalences = equal
  }

  /// The claim judged alone: corrected for its own comparisons.
  public var judged: JudgedClaim { Self.judge([self])[0] }

  /// Judges claims together: one correction (Holm's) for all their comparisons.
  public static func judge(_ claims: [Claim]) -> [JudgedClaim] {
    var corrected = Verdict.corrected(claims.flatMap { $0.comparisons.map(\.verdict) })[...]
    return claims.map { claim in
      let mine = zip(claim.comparisons, corrected).map { ($0.label, $1) }
      corrected = corrected.dropFirst(mine.count)
      return JudgedClaim(claim, mine)
    }
  }
}

/// A claim and what the outcomes say about it, in words that say no more than the numbers do.
public struct JudgedClaim {
  /// `K6`
  public let id: String
  /// The claim in the paper's sense.
  public let claim: String
  /// Finding, a sentence or more.
  public let finding: String
  /// How it is marked.
  public let conclusion: Conclusion
  /// The verdicts behind it, corrected.
  public let comparisons: [(label: String, verdict: Verdict)]
  /// Tests of no difference behind it.
  public let equivalences: [(label: String, equivalence: Equivalence)]

  /// A finding that rests on no comparison, or says more than its verdicts.
  public init(id: String, claim: String, finding: String, conclusion: Conclusion) {
    (self.id, self.claim, self.finding, self.conclusion) = (id, claim, finding, conclusion)
    (comparisons, equivalences) = ([], [])
  }

  fileprivate init(_ claim: Claim, _ comparisons: [(label: String, verdict: Verdict)]) {
    (id, self.claim, self.comparisons, equivalences) = (claim.id, claim.text, comparisons, claim.equivalences)
    let tested =
      comparisons.map { ($0.label, $0.verdict.description) }
      + equivalences.map { ($0.label, $0.equivalence.description) }
    let words = tested.map { $0.0.isEmpty ? $0.1 : "\($0.0): \($0.1)" }
    let parts = [claim.opening, words.isEmpty ? "" : words.joined(separator: "; ") + ".", claim.remark]
    finding = parts.filter { !$0.isEmpty }.joined(separator: " ")
    conclusion =
      equivalences.isEmpty
      ? Conclusion(comparisons.map(\.verdict.outcome)) : Conclusion(equivalences.map(\.equivalence.outcome))
  }

  /// For programs: id, claim, finding, conclusion, and the verdicts behind it.
  public var json: JSON {
    func labelled(_ label: String, _ json: JSON) -> JSON {
      guard case .object(var object) = json else { return json }
      object["label"] = .string(label)
      return .object(object)
    }
    let verdicts =
      comparisons.map { labelled($0.label, $0.verdict.json) }
      + equivalences.map { labelled($0.label, $0.equivalence.json) }
    return [
      "id": .string(id), "claim": .string(claim), "finding": .string(finding),
      "conclusion": .string(conclusion.rawValue), "verdicts": .array(verdicts),
    ]
  }
}
