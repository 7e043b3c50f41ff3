// SPDX-License-Identifier: Apache-2.0
public import Files

/// Responses that somebody preferred, and those they were preferred to.
public struct PreferenceExample: Sendable, Hashable {
  /// Its name in its benchmark; `file line 12` where it has none.
  public var id: String
  /// The part of the benchmark it belongs to; `all` where there are no parts.
  public var subset: String
  /// The good responses, each with what it answers: one, or several of which all are right. Not empty.
  public var chosen: [RewardRequest]
  /// The bad ones. Not empty.
  public var rejected: [RewardRequest]
  /// By how much the chosen one is better, where somebody said so.
  public var margin: Double?
  /// Code of its language, `deu_Latn`, where the benchmark has several.
  public var language: String?
  /// Path or address of the image that the prompt is about.
  public var image: String?

  /// Memberwise.
  public init(
    id: String, subset: String = "all", chosen: [RewardRequest], rejected: [RewardRequest], margin: Double? = nil,
    language: String? = nil, image: String? = nil
  ) {
    precondition(!chosen.isEmpty && !rejected.isEmpty, "\(id): a preference needs two sides")
    (self.id, self.subset, self.chosen, self.rejected) = (id, subset, chosen, rejected)
    (self.margin, self.language, self.image) = (margin, language, image)
  }

  /// Whether no reward model can tell the two sides apart: one of the responses is on both.
  public var isUndecidable: Bool { chosen.contains { rejected.contains($0) } }
}

/// The ways in which benchmarks write preferences. `docs/reward-benchmarks.md` lists their fields.
public enum PreferenceFormat: String, Sendable, Hashable, CaseIterable {
  /// `prompt, chosen, rejected`: RewardBench, M-RewardBench, RewardBench 2 (lists of responses), TRL's chat lists.
  case chosenAndRejected
  /// `query, response, human_ranking, image`: VL-RewardBench.
  case rankedResponses
  /// `conversation_a, conversation_b, winner, turn`: the human judgements of MT-Bench.
  case votes

  /// The format of a line, by its fields.
  ///
  /// - Throws: `InputError` that lists the fields there are, and guesses what was meant.
  public init(of object: JSONReader) throws(InputError) {
    let members = try object.object()
    // A table of several benchmarks has null where a line has no such column.
    func has(_ key: String) -> Bool { members[key].map { $0 != .null } ?? false }
    if has("chosen") || has("rejected") {
      self = .chosenAndRejected
    } else if has("human_ranking") {
      self = .rankedResponses
    } else if has("winner") || has("conversation_a") {
      self = .votes
    } else {
      let keys = members.members.map(\.key)
      let near = keys.compactMap { key in
        nearestName(to: key, among: ["chosen", "rejected", "human_ranking", "winner"]).map {
          "Is \(key) meant to be \($0)?"
        }
      }
      throw object.error(
        expected: "prompt, chosen and rejected; or query, response and human_ranking; or conversation_a and winner",
        found: keys.isEmpty ? "no fields" : keys.prefix(8).joined(separator: ", "),
        remedy: near.first ?? "docs/reward-benchmarks.md lists the formats.")
    }
  }
}
