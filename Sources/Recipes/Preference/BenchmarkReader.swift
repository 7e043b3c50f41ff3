// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TokenData

/// RM-Bench, JudgeBench, LLMBar and HelpSteer2-Preference.
extension PreferenceReader {
  /// RM-Bench: three responses on each side, from plain to adorned.
  func styledResponses(_ object: JSONReader, _ source: String) throws(InputError) -> PreferenceExample {
    let domain = try object.at("domain"), name = try domain.string()
    guard let subset = PreferenceBenchmark.domains.first(where: { name.hasPrefix($0) }) else {
      throw domain.error(expected: "a domain that begins with \(PreferenceBenchmark.domains.joined(separator: ", "))")
    }
    func styles(_ key: String) throws(InputError) -> [RewardRequest] {
      let requests = try responses(object, key)
      guard requests.count == PreferenceBenchmark.styles else {
        throw try object.at(key).error(
          expected: "\(PreferenceBenchmark.styles) responses: short, detailed, and detailed with Markdown",
          found: "\(requests.count)")
      }
      return requests
    }
    return PreferenceExample(
      id: try self.name(object, "id") ?? source, subset: subset, chosen: try styles("chosen"),
      rejected: try styles("rejected"), benchmark: .rmBench)
  }

  /// JudgeBench: which of A and B is right.
  func labelledResponses(_ object: JSONReader, _ source: String) throws(InputError) -> PreferenceExample {
    let label = try object.at("label"), question = [ChatMessage(.user, try object.string(at: "question"))]
    let sides = [try object.string(at: "response_A"), try object.string(at: "response_B")].map {
      RewardRequest(messages: question, response: $0)
    }
    let best: Int
    switch try label.string() {
    case "A>B": best = 0
    case "B>A": best = 1
    default: throw label.error(expected: "A>B or B>A")
    }
    return PreferenceExample(
      id: try name(object, "pair_id") ?? source, subset: try name(object, "source") ?? "all", chosen: [sides[best]],
      rejected: [sides[1 - best]], benchmark: .judgeBench)
  }

  /// LLMBar: which of two outputs follows an instruction. The set is where the file is: `Natural/dataset.json`.
  func labelledOutputs(_ object: JSONReader, _ source: String) throws(InputError) -> PreferenceExample {
    let label = try object.at("label"), number = try label.int()
    guard number == 1 || number == 2 else { throw label.error(expected: "1 or 2") }
    let input = [ChatMessage(.user, try object.string(at: "input"))]
    let sides = [try object.string(at: "output_1"), try object.string(at: "output_2")].map {
      RewardRequest(messages: input, response: $0)
    }
    return PreferenceExample(
      id: try name(object, "id") ?? source, subset: Self.set(of: object.path), chosen: [sides[number - 1]],
      rejected: [sides[2 - number]], benchmark: .llmBar)
  }

  /// The set of LLMBar that a file is of: its name, or that of its folder if it is called `dataset`.
  static func set(of path: String) -> String {
    let parts = absolutePath(path).split(separator: "/").map(String.init)
    let stem = parts.last?.split(separator: ".").first.map(String.init) ?? "all"
    let name = stem == "dataset" && parts.count > 1 ? parts[parts.count - 2] : stem
    return (["Natural"] + PreferenceBenchmark.adversarialSets).first { $0.lowercased() == name.lowercased() } ?? name
  }

  /// HelpSteer2-Preference: below zero the first response is better, by 1 … 3.
  ///
  /// - Returns: nil for 0, neither.
  func strength(_ object: JSONReader, _ source: String) throws(InputError) -> PreferenceExample? {
    let strength = try object.at("preference_strength"), value = try strength.int()
    guard (-3...3).contains(value) else { throw strength.error(expected: "a strength of −3 … 3") }
    let asked = try prompt(object)
    let messages = asked.count == 1 ? Self.turns(asked[0].content) : asked
    let sides = [try object.string(at: "response_1"), try object.string(at: "response_2")].map {
      RewardRequest(messages: messages, response: $0)
    }
    if value == 0 { return nil }
    let split = try object.ifPresent("split")?.string()
    return PreferenceExample(
      id: try name(object, "id") ?? source,
      subset: (split.map { "\($0), " } ?? "") + "strength \(abs(value))", chosen: [sides[value < 0 ? 0 : 1]],
      rejected: [sides[value < 0 ? 1 : 0]], margin: Double(abs(value)), benchmark: .helpSteer2Preference)
  }

  /// The turns of a prompt of HelpSteer2, which writes `<extra_id_1>Assistant` and a line end between them.
  static func turns(_ prompt: String) -> [ChatMessage] {
    let mark = "<extra_id_1>"
    var messages = [ChatMessage]()
    for part in "\(mark)User\n\(prompt)".components(separatedBy: mark).dropFirst() {
      let roles: [(String, ChatMessage.Role)] = [("User\n", .user), ("Assistant\n", .assistant)]
      guard let (name, role) = roles.first(where: { part.hasPrefix($0.0) }) else {
        return [ChatMessage(.user, prompt)]
      }
      let text = part.dropFirst(name.count)
      messages.append(ChatMessage(role, String(text.hasSuffix("\n") ? text.dropLast() : text)))
    }
    return messages.last?.role == .user ? messages : [ChatMessage(.user, prompt)]
  }
}
