// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Counters of the server, for `/metrics`.
package final class ServerMetrics: Sendable {
  /// Counts at upper bounds, as Prometheus has them.
  struct Histogram: Sendable {
    let bounds: [Double]
    /// One more than there are bounds: the last counts what is beyond them.
    private(set) var counts: [Int]
    private(set) var sum = 0.0

    init(_ bounds: [Double]) { (self.bounds, counts) = (bounds, Array(repeating: 0, count: bounds.count + 1)) }

    mutating func observe(_ value: Double) {
      counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
      sum += value
    }
  }

  struct RouteStatus: Hashable {
    let route: String
    let status: Int
  }

  struct Values: Sendable {
    var requests: [RouteStatus: Int] = [:]
    var seconds: [String: Histogram] = [:]
    var batchItems = Histogram([1, 2, 4, 8, 16, 32, 64, 128, 256])
    var rated = 0
    var failed = 0
    var tokens = 0
    var rejected = ["queue_full": 0, "timeout": 0, "client_gone": 0, "shutting_down": 0, "too_many_items": 0]
  }

  private let values = Mutex(Values())

  package init() {}

  /// The values now.
  var now: Values { values.withLock { $0 } }

  /// A request was answered. `route` is one of the server's own, never what a client wrote.
  func answered(route: String, status: Int, seconds: Double) {
    values.withLock { values in
      values.requests[RouteStatus(route: route, status: status), default: 0] += 1
      let empty = Histogram([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
      values.seconds[route, default: empty].observe(seconds)
    }
  }

  /// A batch was rated.
  func rated(_ outcomes: [Outcome], tokens: Int) {
    let rated = outcomes.count { if case .success = $0 { true } else { false } }
    values.withLock { values in
      values.batchItems.observe(Double(outcomes.count))
      values.rated += rated
      values.failed += outcomes.count - rated
      values.tokens += tokens
    }
  }

  /// Items were found unfit before any batch.
  func refusedItems(_ count: Int) { values.withLock { $0.failed += count } }

  /// A submission went unanswered.
  func refused(_ refusal: Refusal) {
    let reason =
      switch refusal {
      case .queueFull: "queue_full"
      case .tooMany: "too_many_items"
      case .timedOut: "timeout"
      case .cancelled: "client_gone"
      case .shuttingDown: "shutting_down"
      }
    values.withLock { $0.rejected[reason, default: 0] += 1 }
  }
}
