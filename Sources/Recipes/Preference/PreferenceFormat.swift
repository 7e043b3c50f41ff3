// SPDX-License-Identifier: Apache-2.0
public import Files

/// The ways in which benchmarks write preferences. `docs/reward-benchmarks.md` lists their fields.
public enum PreferenceFormat: String, Sendable, Hashable, CaseIterable {
  /// `prompt, chosen, rejected`: RewardBench, M-RewardBench, RewardBench 2 (lists of responses), TRL's chat lists.
  case chosenAndRejected
  /// `prompt, chosen: [3], rejected: [3], domain`: RM-Bench, a response of each style.
  case styledResponses
  /// `query, response, human_ranking, image`: VL-RewardBench.
  case rankedResponses
  /// `conversation_a, conversation_b, winner, turn`: the human judgements of MT-Bench.
  case votes
  /// `question, response_A, response_B, label, source`: JudgeBench.
  case labelledResponses
  /// `input, output_1, output_2, label`: LLMBar.
  case labelledOutputs
  /// `prompt, response_1, response_2, preference_strength, split`: HelpSteer2-Preference.
  case strengths

  /// The format of a line, by its fields.
  ///
  /// - Throws: `InputError` that lists the fields there are, and guesses what was meant.
  public init(of object: JSONReader) throws(InputError) {
    let members = try object.object()
    // A table of several benchmarks has null where a line has no such column.
    func has(_ key: String) -> Bool { members[key].map { $0 != .null } ?? false }
    if has("chosen") || has("rejected") {
      self = try Self(chosen: members["chosen"], object, has: has)
    } else if let format = Self.marks.first(where: { $0.keys.contains(where: has) })?.format {
      self = format
    } else {
      throw Self.unknown(object, members.members.map(\.key))
    }
  }

  /// Fields that only one format has.
  private static let marks: [(keys: [String], format: PreferenceFormat)] = [
    (["human_ranking"], .rankedResponses), (["winner", "conversation_a"], .votes),
    (["preference_strength"], .strengths), (["response_A", "response_B"], .labelledResponses),
    (["output_1", "output_2"], .labelledOutputs),
  ]

  /// Several chosen texts mean different things: in RewardBench 2 each of them is right, in RM-Bench each is written in
  /// another style, and the two are counted differently. Neither is guessed.
  private init(chosen: JSON?, _ object: JSONReader, has: (String) -> Bool) throws(InputError) {
    guard case .array(let texts)? = chosen, texts.count > 1, case .string = texts[0] else {
      self = .chosenAndRejected
      return
    }
    if has("subset") || has("num_correct") {
      self = .chosenAndRejected
    } else if has("domain") {
      self = .styledResponses
    } else {
      throw object.error(
        expected: "beside \(texts.count) chosen responses a domain (RM-Bench: one response a style), or subset or "
          + "num_correct (RewardBench 2: several that are right)",
        found: Self.list(try object.object().members.map(\.key)),
        remedy: "They are counted differently: docs/reward-benchmarks.md.")
    }
  }

  private static func unknown(_ object: JSONReader, _ keys: [String]) -> InputError {
    let known = ["chosen", "rejected"] + marks.flatMap(\.keys)
    let near = keys.lazy.compactMap { key in
      nearestName(to: key, among: known).map { "Is \(key) meant to be \($0)?" }
    }
    return object.error(
      expected: "prompt, chosen and rejected; or query, response and human_ranking; or conversation_a and winner; or "
        + "question, response_A, response_B and label; or input, output_1, output_2 and label; or prompt, response_1, "
        + "response_2 and preference_strength",
      found: list(keys), remedy: near.first ?? "docs/reward-benchmarks.md lists the formats.")
  }

  private static func list(_ keys: [String]) -> String {
    keys.isEmpty ? "no fields" : keys.prefix(8).joined(separator: ", ")
  }
}
