// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Server
import Testing

extension Serving {
  @Suite struct BatcherTests {
    private func start(
      _ control: RewardModelControl, queue: Int = 1024, tokens: Int = 8, timeout: Duration = .seconds(20)
    ) async throws -> Batcher {
      let limits = Batcher.Limits(queue: queue, tokens: tokens, timeout: timeout)
      return try await Batcher.start(limits, metrics: ServerMetrics()) { TestRewardModel(control) }
    }

    /// Submits one item after another while the reward model is held at a first one, then lets it go on.
    private func batches(_ items: [(text: String, attributes: Bool)]) async throws -> [[String]] {
      let control = RewardModelControl(shut: true)
      let batcher = try await start(control)
      defer { batcher.stop() }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { _ = try await batcher.outcomes(of: [request("first")], attributes: true) }
        try await eventually { control.seen.count == 1 }
        for (count, item) in items.enumerated() {
          group.addTask { _ = try await batcher.outcomes(of: [request(item.text)], attributes: item.attributes) }
          try await eventually { batcher.waiting == count + 1 }
        }
        control.open()
        try await group.waitForAll()
      }
      return Array(control.seen.dropFirst())
    }

    @Test func batchesFillTheBudgetInOrder() async throws {
      let texts = ["a a a", "b b b b", "c c c c c", "d d", "e e"]
      #expect(try await batches(texts.map { ($0, true) }) == [["a a a", "b b b b"], ["c c c c c", "d d"], ["e e"]])
    }

    @Test func aLongItemIsNotPassedOver() async throws {
      let long = Array(repeating: "l", count: 20).joined(separator: " ")
      let texts = ["a a a a a", long, "b", "c"]
      #expect(try await batches(texts.map { ($0, true) }) == [["a a a a a"], [long], ["b", "c"]])
    }

    @Test func itemsWithAndWithoutAttributesAreGrouped() async throws {
      let items = [("a", true), ("b", false), ("c", true), ("d", false)]
      #expect(try await batches(items) == [["a", "c"], ["b", "d"]])
    }

    @Test func theRewardModelDoesNotWaitForABatchToFill() async throws {
      let control = RewardModelControl()
      let batcher = try await start(control)
      defer { batcher.stop() }
      let outcomes = try await batcher.outcomes(of: [request("a")], attributes: false)
      #expect(try outcomes[0].get().overall.expectation == 0.75 * 13)  // 97 = 4 · 21 + 13
      #expect(control.seen == [["a"]])
    }

    @Test func aFullQueueRefuses() async throws {
      let control = RewardModelControl(shut: true)
      let batcher = try await start(control, queue: 2)
      defer { batcher.stop() }
      async let first = batcher.outcomes(of: [request("a")], attributes: false)
      try await eventually { control.seen.count == 1 }
      async let more = batcher.outcomes(of: [request("b"), request("c")], attributes: false)
      try await eventually { batcher.waiting == 2 }
      await #expect(throws: Refusal.queueFull(waiting: 2, limit: 2, retryAfter: 1)) {
        try await batcher.outcomes(of: [request("d")], attributes: false)
      }
      await #expect(throws: Refusal.tooMany(3, limit: 2)) {
        try await batcher.outcomes(of: ["e", "f", "g"].map(request), attributes: false)
      }
      control.open()
      #expect(try await (first.count, more.count) == (1, 2))
    }

    @Test func whatIsLateIsNotComputed() async throws {
      let control = RewardModelControl(shut: true)
      let batcher = try await start(control, timeout: .milliseconds(150))
      defer { batcher.stop() }
      let began = ContinuousClock.now
      let running = Task { try await batcher.outcomes(of: [request("a")], attributes: false) }
      try await eventually { control.seen.count == 1 }
      await #expect(throws: Refusal.timedOut) { try await batcher.outcomes(of: [request("b")], attributes: false) }
      await #expect(throws: Refusal.timedOut) { try await running.value }
      #expect(began.duration(to: .now) < .seconds(5))
      #expect(batcher.waiting == 0)
      control.open()
      _ = try await batcher.outcomes(of: [request("c")], attributes: false)
      #expect(control.seen == [["a"], ["c"]])
    }

    @Test func whatIsCancelledIsNotComputed() async throws {
      let control = RewardModelControl(shut: true)
      let batcher = try await start(control)
      defer { batcher.stop() }
      async let first = batcher.outcomes(of: [request("a")], attributes: false)
      try await eventually { control.seen.count == 1 }
      let ticket = Batcher.Ticket()
      let gone = Task {
        try await batcher.outcomes(of: [request("b"), request("c")], attributes: false, ticket: ticket)
      }
      let task = Task { try await batcher.outcomes(of: [request("d")], attributes: false) }
      try await eventually { batcher.waiting == 3 }
      batcher.cancel(ticket)
      task.cancel()
      await #expect(throws: Refusal.cancelled) { try await gone.value }
      await #expect(throws: Refusal.cancelled) { try await task.value }
      let early = Batcher.Ticket()
      batcher.cancel(early)
      await #expect(throws: Refusal.cancelled) {
        try await batcher.outcomes(of: [request("e")], attributes: false, ticket: early)
      }
      control.open()
      _ = try await first
      _ = try await batcher.outcomes(of: [request("f")], attributes: false)
      #expect(control.seen == [["a"], ["f"]])
    }

    @Test func oneBadItemSpoilsNoOther() async throws {
      let control = RewardModelControl()
      let batcher = try await start(control, tokens: 100)
      defer { batcher.stop() }
      let outcomes = try await batcher.outcomes(
        of: ["a", "too long", "broken", "nan", "b"].map(request), attributes: false)
      #expect(try outcomes[0].get().overall.expectation == 0.75 * 13)
      #expect(try outcomes[4].get().overall.expectation == 0.75 * 14)
      guard case .failure(.refused(let error)) = outcomes[1] else { throw NeverHappened() }
      #expect(error.expected == "at most 9 tokens")
      guard case .failure(.failed(let broken)) = outcomes[2], case .failure(.failed(let nan)) = outcomes[3] else {
        throw NeverHappened()
      }
      #expect(broken.contains("Broken"))
      #expect(nan.contains("nan"))
    }

    @Test func drainingAnswersWhatIsQueuedAndRefusesWhatComes() async throws {
      let control = RewardModelControl(shut: true)
      let batcher = try await start(control)
      defer { batcher.stop() }
      async let queued = batcher.outcomes(of: [request("a"), request("b")], attributes: false)
      try await eventually { control.seen.count == 1 }
      async let drained: Void = batcher.drain(within: .seconds(10))
      try await eventually { !batcher.isOpen }
      await #expect(throws: Refusal.shuttingDown) { try await batcher.outcomes(of: [request("c")], attributes: false) }
      control.open()
      #expect(try await queued.count == 2)
      await drained
    }

    @Test func aRewardModelThatCannotBeMadeIsAnError() async throws {
      await #expect(throws: TestRewardModel.Broken.self) {
        try await Batcher.start(.init(), metrics: ServerMetrics()) { throw TestRewardModel.Broken() }
      }
    }

    /// DIST2_TEST_ITEMS asks for a longer run.
    @Test func memoryIsFlatOverManyRequests() async throws {
      let total = ProcessInfo.processInfo.environment["DIST2_TEST_ITEMS"].flatMap { Int($0) } ?? 20_000
      let batcher = try await start(RewardModelControl(remembers: false), tokens: 64)
      defer { batcher.stop() }
      try await flood(batcher, 4000)
      let before = residentBytes()
      try await flood(batcher, total)
      let growth = residentBytes() - before
      print("memory: \(growth / 1024) KiB more after \(total) items, of \(before >> 20) MiB")
      #expect(growth < 4 << 20)
    }

    private func flood(_ batcher: Batcher, _ count: Int) async throws {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<64 {
          group.addTask {
            for number in 0..<count / 64 {
              _ = try await batcher.outcomes(
                of: [request("client \(client) item \(number)")], attributes: number % 2 == 0)
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }
}

private func request(_ response: String) -> RewardRequest { RewardRequest(prompt: "p", response: response) }

/// What the process holds in memory, in bytes.
func residentBytes() -> Int {
  let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
  return (fields.flatMap { Int($0[1]) } ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
}
