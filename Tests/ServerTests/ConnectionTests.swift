// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Server
import Testing

private let good = #"{"prompt":"p","response":"b"}"#

extension Serving {
  @Suite struct ConnectionTests {
    private func isServed(_ live: LiveServer) async throws -> Bool {
      try await live.post("/score", good)?.status == 200
    }

    @Test func aHeadThatTricklesInIsCutOff() async throws {
      try await withServer(RewardModelControl(), { $0.idleTimeout = .milliseconds(600) }) { live in
        let connection = try live.connect(seconds: 1)
        let began = ContinuousClock.now
        let dribbled = try await onThread {
          connection.send("POST /score HTTP/1.1\r\n")
          for number in 0..<200 {
            if !connection.send("X-\(number): 1\r\n") { return true }
            usleep(50_000)
          }
          return false
        }
        #expect(dribbled)
        #expect(ContinuousClock.now - began < .seconds(5))
        #expect(try await isServed(live))
      }
    }

    @Test func aBodyThatTricklesInIsCutOffWhileOthersAreServed() async throws {
      try await withServer(RewardModelControl(), { $0.readTimeout = .milliseconds(600) }) { live in
        let slow = try live.connect(seconds: 5)
        slow.send(
          "POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        async let answer = onThread {
          for _ in 0..<30 where slow.send(" ") { usleep(30_000) }
          return try slow.answer()
        }
        for _ in 0..<10 { #expect(try await isServed(live)) }
        let refused = try await answer
        #expect(refused?.status == 408)
        #expect(refused?.body.contains("slow_body") == true)
        #expect(try await onThread { slow.isClosedByServer() })
        #expect(try await isServed(live))
      }
    }

    @Test func manyIdleConnectionsDoNotKeepOthersOut() async throws {
      try await withServer(RewardModelControl(), { ($0.idleTimeout, $0.connections) = (.milliseconds(700), 32) }) {
        live in
        let idle = try (0..<64).map { _ in try live.connect() }
        let began = ContinuousClock.now
        #expect(try await isServed(live))
        // Only once the first of them had been closed.
        #expect(ContinuousClock.now - began > .milliseconds(300))
        withExtendedLifetime(idle) {}
      }
    }

    @Test func aBodyThatIsAnnouncedTooLargeIsRefusedUnread() async throws {
      try await withServer(RewardModelControl(), { $0.bodyLimit = 1 << 20 }) { live in
        let (answer, isClosed) = try await onThread {
          let connection = try live.connect(seconds: 5)
          connection.send(
            "POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
          )
          return (try connection.answer(), connection.isClosedByServer())
        }
        #expect(answer?.status == 413)
        #expect(answer?.body.contains("body_too_large") == true)
        #expect(isClosed)
      }
    }

    @Test func aBodyThatGrowsTooLargeIsRefused() async throws {
      try await withServer(RewardModelControl(), { $0.bodyLimit = 100_000 }) { live in
        let answer = try await onThread {
          let connection = try live.connect(seconds: 5)
          connection.send(
            "POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
          )
          let chunk = "4000\r\n" + String(repeating: " ", count: 0x4000) + "\r\n"
          for _ in 0..<400 where connection.send(chunk) {}
          return try connection.answer()
        }
        #expect(answer?.status == 413)
        #expect(try await isServed(live))
      }
    }

    @Test func randomBytesDoNoHarm() async throws {
      try await withServer { live in
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<100 {
          let noise = (0..<Int.random(in: 1...3000, using: &generator)).map { _ in UInt8.random(in: 0...255) }
          let start = ["", "POST /score HTTP/1.1\r\n", "POST /score HTTP/1.1\r\nContent-Length: 900\r\n\r\n"]
            .randomElement()!
          let connection = try live.connect(seconds: 5)
          connection.send(Array(start.utf8) + noise)
        }
        #expect(try await isServed(live))
      }
    }

    @Test func garbageIsAnsweredWith400() async throws {
      try await withServer { live in
        let answers = try await onThread {
          try ["GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"].map { text in
            let connection = try live.connect(seconds: 5)
            connection.send(text)
            return try connection.answer()?.status
          }
        }
        #expect(answers == [400, 400])
      }
    }

    @Test func pipelinedRequestsOnOneConnection() async throws {
      try await withServer { live in
        let answers = try await onThread {
          let connection = try live.connect()
          for _ in 0..<5 { connection.post("/score", good) }
          connection.post("/nowhere", "x")
          connection.post("/score", good)
          return try (0..<7).map { _ in try connection.answer()?.status }
        }
        #expect(answers == [200, 200, 200, 200, 200, 404, 200])
      }
    }

    @Test func aClientThatLeftIsNotComputedFor() async throws {
      try await withServer(RewardModelControl(shut: true)) { live in
        async let first = live.post("/score", good)
        try await eventually { live.control.seen.count == 1 }
        var leaving: RawConnection? = try live.connect()
        leaving?.post("/score", #"{"items":[{"prompt":"p","response":"gone"},{"prompt":"p","response":"gone"}]}"#)
        async let staying = live.post("/score", #"{"prompt":"p","response":"stays"}"#)
        try await live.waits(for: 3)
        leaving = nil
        try await live.waits(for: 1)
        live.control.open()
        #expect(try await (first?.status, staying?.status) == (200, 200))
        #expect(live.control.seen == [["b"], ["stays"]])
        let metrics = try await live.get("/metrics")
        #expect(metrics?.body.contains(#"dist2_rejected_total{reason="client_gone"} 1"#) == true)
      }
    }
  }
}

extension Serving {
  @Suite struct ShutdownTests {
    @Test func whatIsQueuedIsAnswered() async throws {
      try await withServer(RewardModelControl(shut: true)) { live in
        async let first = live.post("/score", good)
        try await eventually { live.control.seen.count == 1 }
        async let second = live.post("/score", good)
        try await live.waits(for: 1)
        let idle = try live.connect()
        live.stop()
        try await eventually { !live.server.batcher.isOpen }
        #expect(try await live.get("/health")?.status == 503)
        let late = try await live.post("/score", good)
        #expect(late?.status == 503)
        #expect(late?.body.contains("shutting_down") == true)
        live.control.open()
        #expect(try await (first?.status, second?.status) == (200, 200))
        #expect(try await onThread { idle.isClosedByServer() })
      }
    }

    @Test func theWaitIsBounded() async throws {
      let began = ContinuousClock.now
      let control = RewardModelControl(shut: true)
      try await withServer(control, { $0.drainTimeout = .milliseconds(200) }) { live in
        async let first = live.post("/score", good)
        try await eventually { live.control.seen.count == 1 }
        live.stop()
        #expect(try await first?.status == 503)
      }
      #expect(ContinuousClock.now - began < .seconds(10))
    }

    @Test(arguments: [SIGINT, SIGTERM]) func signalsEndItInOrder(signal: Int32) async throws {
      try await withServer { live in
        #expect(try await live.post("/score", good)?.status == 200)
        kill(getpid(), signal)
        try await eventually { !live.server.batcher.isOpen }
      }
    }

    @Test func anAddressInUseIsNamed() async throws {
      try await withServer { live in
        var settings = ServerSettings()
        settings.port = live.port
        let other = try await RewardServer.load(settings) { TestRewardModel(RewardModelControl()) }
        let error = await #expect(throws: InputError.self) { try await other.run { _ in } }
        #expect(error?.place == "127.0.0.1:\(live.port)")
        #expect(error?.remedy.contains("--port") == true)
      }
    }
  }
}
