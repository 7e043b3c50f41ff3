// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import TestSupport
import TokenData

/// A reward model that scores by a rule, and remembers what it was asked.
final class RuleRewardModel: RewardModel {
  let name: String
  let range: ClosedRange<Double>? = nil
  let attributes: [(name: String, range: ClosedRange<Double>?)] = []
  private let longest: Int
  private let rule: (RewardRequest) -> Double
  private(set) var batches = [[RewardRequest]]()

  init(_ name: String = "rule", longest: Int = .max, _ rule: @escaping (RewardRequest) -> Double) {
    (self.name, self.longest, self.rule) = (name, longest, rule)
  }

  func tokens(of request: RewardRequest) throws -> Int {
    let count = request.response.count
    guard count <= longest else {
      throw InputError(path: name, place: "response", expected: "at most \(longest) tokens", found: "\(count)")
    }
    return count
  }

  func rewards(of requests: [RewardRequest], attributes: Bool, tokenBudget: Int?) -> [Reward] {
    batches.append(requests)
    return requests.map { Reward(overall: Reward.Score(name: "overall", expectation: rule($0))) }
  }
}

/// A file of these lines that is deleted afterwards.
@discardableResult func withLines<R>(_ lines: [String], _ body: (_ path: String) throws -> R) throws -> R {
  try withTemporaryFolder { folder in
    let path = folder + "/pairs.jsonl"
    try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    return try body(path)
  }
}

/// Outcomes of a fixture's rows.
func outcomes(_ rows: [JSONReader]) throws -> [PreferenceOutcome] {
  try rows.map { row in
    func scores(_ key: String) throws -> [Double] { try row.at(key).elements().map { try $0.double() } }
    let (chosen, rejected) = (try scores("chosen"), try scores("rejected"))
    func requests(_ name: String, _ count: Int) -> [RewardRequest] {
      (0..<count).map { RewardRequest(prompt: "p", response: "\(name) \($0)") }
    }
    return PreferenceOutcome(
      PreferenceExample(
        id: try row.string(at: "id"), subset: try row.string(at: "subset"), chosen: requests("c", chosen.count),
        rejected: requests("r", rejected.count)),
      PreferenceScores(chosen: chosen, rejected: rejected))
  }
}

/// `{"name": number}`
func numbers(_ object: JSONReader) throws -> [String: Double] {
  var numbers = [String: Double]()
  for (key, value) in try object.object().members { numbers[key] = try object.child(key, value).double() }
  return numbers
}
