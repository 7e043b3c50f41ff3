// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Server
import Testing

extension Serving {
  @Suite struct LoadTests {
    /// 64 clients, each its own connection; every answer is that of its own request.
    @Test func manyClientsAtOnce() async throws {
      try await withServer(RewardModelControl(delay: 0.002)) { live in
        let began = ContinuousClock.now
        try await withThrowingTaskGroup(of: Int.self) { group in
          for client in 0..<64 {
            group.addTask {
              try await onThread {
                let connection = try live.connect()
                var right = 0
                for number in 0..<30 {
                  connection.post(
                    "/score", #"{"id":\#(number),"prompt":"p","response":"\#(client) \#(number)","attributes":false}"#)
                  guard let answer = try connection.answer(), answer.status == 200 else { continue }
                  let sum = "\(client) \(number)".utf8.reduce(0) { $0 + Int($1) } % 21
                  let json = try JSON(parsing: answer.body, path: "")
                  if json["id"] == .int(number), json["score"] == .double(0.75 * Double(sum)) { right += 1 }
                }
                return right
              }
            }
          }
          let right = try await group.reduce(0, +)
          #expect(right == 64 * 30)
        }
        let largest = live.control.seen.map(\.count).max() ?? 0
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        print(
          "load: 1920 requests of 64 clients in \(seconds) s, \(live.control.seen.count) batches, largest \(largest)")
        #expect(largest > 8, "requests that wait together are rated together")
        #expect(seconds < 30)
      }
    }

    /// Beyond what the queue holds, clients are refused at once, and nobody who was let in waits longer than the queue.
    @Test func overloadIsRefusedAtOnce() async throws {
      try await withServer(RewardModelControl(delay: 0.01), { ($0.queue, $0.tokenBudget) = (8, 4) }) { live in
        let times = try await withThrowingTaskGroup(of: [(Int, Double)].self) { group in
          for _ in 0..<64 {
            group.addTask {
              try await onThread {
                let connection = try live.connect()
                return try (0..<10).map { _ in
                  let began = ContinuousClock.now
                  connection.post("/score", good)
                  let status = try connection.answer()?.status ?? 0
                  if status == 429 { usleep(20_000) }
                  return (status, (ContinuousClock.now - began) / .seconds(1))
                }
              }
            }
          }
          return try await group.reduce(into: []) { $0 += $1 }
        }
        let statuses = Set(times.map(\.0))
        #expect(statuses == [200, 429])
        let slowest = times.filter { $0.0 == 200 }.map(\.1).max()!
        // 8 items wait at most, 4 go into a batch, and one is being rated: 3 batches of 10 ms, and a busy machine.
        #expect(slowest < 2)
      }
    }
  }
}

private let good = #"{"prompt":"p","response":"b"}"#
