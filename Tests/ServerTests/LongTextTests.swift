// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Server
import Testing

extension Serving {
  /// Long texts of some must not keep others waiting.
  @Suite struct LongTextTests {
    private func start(_ control: RewardModelControl, bytes: Int = 1 << 20) async throws -> Batcher {
      try await Batcher.start(.init(bytes: bytes, tokens: 8), metrics: ServerMetrics()) { TestRewardModel(control) }
    }

    @Test func whatIsFarTooLongNeverWaits() async throws {
      let control = RewardModelControl(shut: true)
      let batcher = try await start(control)
      defer { batcher.stop() }
      async let held = batcher.outcomes(of: [request("a")], attributes: false)
      try await eventually { control.seen.count == 1 }
      // Answered while the reward model is busy.
      let outcomes = try await batcher.outcomes(of: [request("endless"), request("endless story")], attributes: false)
      for outcome in outcomes {
        guard case .failure(.refused(let error)) = outcome else { throw NeverHappened() }
        #expect(error.found == "at least 99")
      }
      async let mixed = batcher.outcomes(of: ["b", "endless", "c"].map(request), attributes: false)
      try await eventually { batcher.waiting == 2 }
      control.open()
      let three = try await mixed
      _ = try await held
      #expect(try three[0].get().overall.expectation == 0.75 * 14)
      #expect(try three[2].get().overall.expectation == 0.75 * 15)
      guard case .failure(.refused) = three[1] else { throw NeverHappened() }
      #expect(control.lookedAt == ["a", "b", "c"])
    }

    @Test func theQueueIsBoundedInBytesOfLongTextsAlone() async throws {
      let control = RewardModelControl(shut: true)
      let batcher = try await start(control, bytes: 20_000)
      defer { batcher.stop() }
      async let first = batcher.outcomes(of: [request("a")], attributes: false)
      try await eventually { control.seen.count == 1 }
      let long = String(repeating: "l", count: 15_000)
      async let second = batcher.outcomes(of: [request(long)], attributes: false)
      try await eventually { batcher.waiting == 1 }
      let full = await #expect(throws: Refusal.self) {
        try await batcher.outcomes(of: [request(long)], attributes: false)
      }
      guard case .queueFull(let held, 20_000, .bytes, 1) = full else { throw NeverHappened() }
      #expect(held == 15_000 + 1 - 4096)
      await #expect(throws: Refusal.tooMany(2 * (15_001 - 4096), limit: 20_000, of: .bytes)) {
        try await batcher.outcomes(of: [request(long), request(long)], attributes: false)
      }
      async let small = batcher.outcomes(of: [request("b")], attributes: false)
      try await eventually { batcher.waiting == 2 }
      control.open()
      #expect(try await (first.count, second.count, small.count) == (1, 1, 1))
    }

    /// Each is refused when it has been looked at, not when all have.
    @Test func refusalsComeOneByOne() async throws {
      let control = RewardModelControl(shut: true)
      let batcher = try await start(control)
      defer { batcher.stop() }
      try await withThrowingTaskGroup(of: (Int, Double).self) { group in
        group.addTask {
          _ = try await batcher.outcomes(of: [request("a")], attributes: false)
          return (-1, 0)
        }
        try await eventually { control.seen.count == 1 }
        for number in 0..<4 {
          group.addTask {
            let outcomes = try await batcher.outcomes(of: [request("too long and slow \(number)")], attributes: false)
            guard case .failure(.refused) = outcomes[0] else { throw NeverHappened() }
            return (number, ProcessInfo.processInfo.systemUptime)
          }
          try await eventually { batcher.waiting == number + 1 }
        }
        control.open()
        var times = [Int: Double]()
        for try await (number, time) in group { times[number] = time }
        // 150 ms each.
        #expect(times[3]! - times[0]! > 0.3, "\(times)")
      }
    }

    @Test func whatIsCancelledIsNotLookedAt() async throws {
      let control = RewardModelControl()
      let batcher = try await start(control)
      defer { batcher.stop() }
      let slow = Task { try await batcher.outcomes(of: [request("too long and slow")], attributes: false) }
      try await eventually { control.lookedAt.count == 1 }
      let ticket = Batcher.Ticket()
      let gone = Task { try await batcher.outcomes(of: [request("gone")], attributes: false, ticket: ticket) }
      let stays = Task { try await batcher.outcomes(of: [request("b")], attributes: false) }
      try await eventually { batcher.waiting >= 2 }
      batcher.cancel(ticket)
      await #expect(throws: Refusal.cancelled) { try await gone.value }
      _ = try await (slow.value, stays.value)
      #expect(control.lookedAt == ["too long and slow", "b"])
    }

    /// What is ready is rated before many more are looked at.
    @Test func lookingDoesNotHoldUpWhatIsReady() async throws {
      let control = RewardModelControl(shut: true)
      let batcher = try await start(control)
      defer { batcher.stop() }
      async let first = batcher.outcomes(of: [request("a")], attributes: false)
      try await eventually { control.seen.count == 1 }
      async let items = batcher.outcomes(
        of: ["b", "slow one", "slow two", "slow three"].map(request), attributes: false)
      try await eventually { batcher.waiting == 4 }
      control.open()
      #expect(try await (first.count, items.count) == (1, 4))
      #expect(control.seen.dropFirst().first == ["b", "slow one"])
    }

    @Test func manyLargeBodiesAtOnceAreTurnedAwayAndShortOnesNot() async throws {
      try await withServer(RewardModelControl(), { ($0.bodyLimit, $0.readTimeout) = (1 << 20, .seconds(20)) }) { live in
        let head = "POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        let half = String(repeating: " ", count: 500_000), most = half + half
        // 16 MiB are held by bodies that never end.
        let holding = try await onThread {
          try (0..<20).map { _ in
            let connection = try live.connect()
            connection.send(head + "Content-Length: 1000001\r\n\r\n" + half)
            return connection
          }
        }
        // All grow at once: one that is turned away makes room, so that not all are.
        try await onThread { for connection in holding { connection.send(half) } }
        let answer = try await onThread { () -> RawConnection.Answer? in
          for _ in 0..<100 {
            let connection = try live.connect()
            connection.post("/score", most + #"{"prompt":"p","response":"b"}"#)
            let answer = try connection.answer()
            if answer?.status == 429 { return answer }
            usleep(20_000)
          }
          return nil
        }
        #expect(answer?.body.contains("busy") == true)
        #expect(answer?.headers["retry-after"] == "1")
        #expect(try await live.post("/score", #"{"prompt":"p","response":"b"}"#)?.status == 200)
        withExtendedLifetime(holding) {}
      }
    }
  }
}

private func request(_ response: String) -> RewardRequest { RewardRequest(prompt: "p", response: response) }
