// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Files
import Foundation
import Recipes
import Synchronization

/// Holds the reward model back until the test has filled the queue, and notes what it was asked.
final class RewardModelControl: Sendable {
  private let batches = Mutex<[[String]]>([])
  private let looks = Mutex<[String]>([])
  private let isShut: Atomic<Bool>
  let delay: Double

  private let remembers: Bool

  init(shut: Bool = false, delay: Double = 0, remembers: Bool = true) {
    isShut = Atomic(shut)
    (self.delay, self.remembers) = (delay, remembers)
  }

  /// Responses of each batch, in order.
  var seen: [[String]] { batches.withLock { $0 } }

  /// Responses whose tokens were counted, in order.
  var lookedAt: [String] { looks.withLock { $0 } }

  func counting(_ response: String) { looks.withLock { $0.append(response) } }

  func open() { isShut.store(false, ordering: .sequentiallyConsistent) }

  func rating(_ responses: [String]) {
    if remembers { batches.withLock { $0.append(responses) } }
    while isShut.load(ordering: .sequentiallyConsistent) { usleep(500) }
    if delay > 0 { usleep(UInt32(delay * 1e6)) }
  }
}

/// Believes with probability 3/4 in the sum of the response's bytes modulo 21, else in 0; a token is a word.
///
/// `too long`, `broken` and `nan` in a response are refused, fail and give no number.
final class TestRewardModel: RewardModel {
  struct Broken: Error {}
  let name = "test judge"
  let range: ClosedRange<Double>? = 0...20
  let attributes: [(name: String, range: ClosedRange<Double>?)] = [("helpfulness", 0...4), ("verbosity", 0...4)]
  private let control: RewardModelControl

  init(_ control: RewardModelControl) { self.control = control }

  /// Knows of endless responses without counting.
  let screen: RequestScreen? = RequestScreen { request in
    guard request.response.hasPrefix("endless") else { return nil }
    return InputError(path: "", place: "response", expected: "at most 9 tokens", found: "at least 99")
  }

  func tokens(of request: RewardRequest) throws -> Int {
    control.counting(request.response)
    if request.response.contains("slow") { usleep(150_000) }
    if request.response.contains("too long") {
      throw InputError(path: "", place: "response", expected: "at most 9 tokens", found: "10", remedy: "Shorten it.")
    }
    return request.response.split(separator: " ").count
  }

  func rewards(of requests: [RewardRequest], attributes: Bool, tokenBudget: Int?) throws -> [Reward] {
    control.rating(requests.map(\.response))
    return try requests.map { request in
      if request.response.contains("broken") { throw Broken() }
      let value =
        request.response.contains("nan") ? .nan : Double(request.response.utf8.reduce(0) { $0 + Int($1) } % 21)
      return Reward(
        overall: Self.score("overall", value, of: 20),
        attributes: attributes ? [Self.score("helpfulness", 2, of: 4), Self.score("verbosity", 4, of: 4)] : [])
    }
  }

  private static func score(_ name: String, _ value: Double, of last: Int) -> Reward.Score {
    var probabilities = (0...last).map { Double($0) == value ? 0.75 : 0 }
    probabilities[0] += 0.25
    return Reward.Score(
      name: name, expectation: 0.75 * value, variance: 0.75 * 0.25 * value * value,
      values: (0...last).map { Double($0) },
      probabilities: probabilities, coverage: 0.875)
  }
}
