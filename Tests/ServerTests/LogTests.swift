// SPDX-License-Identifier: Apache-2.0
import Logging
import Synchronization
import Testing

/// Keeps the lines that a logger writes.
private final class LogLines: TextOutputStream, Sendable {
  private let lines = Mutex<[String]>([])

  func write(_ text: String) { lines.withLock { $0.append(text) } }

  func logger(_ level: Logger.Level) -> Logger {
    var logger = Logger(label: "test") { StreamLogHandler(label: $0, stream: self) }
    logger.logLevel = level
    return logger
  }

  /// Level, metadata and message of each line, without what differs from run to run.
  var events: [String] {
    lines.withLock { lines in
      lines.map { line in
        let parts = line.wholeMatch(of: /\S+ (\w+) test:(.*) \[Server\] ([^\n]*)\n/)
        return parts.map { "\($0.1)\($0.2) \($0.3)".replacing(/(ms=\d+|address=\S+)\s/, with: "") } ?? line
      }
    }
  }
}

extension Serving {
  @Suite struct LogTests {
    @Test func eachEventAtItsLevel() async throws {
      let lines = LogLines()
      try await withServer(logger: lines.logger(.debug)) { live in
        for response in ["a", "too long", "broken"] {
          _ = try await live.post("/score", #"{"prompt":"p","response":"\#(response)"}"#)
        }
        _ = try await live.post("/score", "{")
        _ = try await live.post("/score", #"{"items":[{"prompt":"p","response":"broken"}]}"#)
        _ = try await live.post("/rank", #"{"prompt":"p","responses":["a","too long"]}"#)
        _ = try await live.get("/health")
        _ = try await live.get("/elsewhere")
      }
      #expect(
        lines.events == [
          "info model=test judge listening",
          "debug status=200 POST /score",
          "warning code=unratable status=422 POST /score",
          "warning code=model_failed message=Broken() status=500 POST /score",
          "warning code=malformed status=400 POST /score",
          "warning code=model_failed message=Broken() item not rated",
          "debug status=200 POST /score",
          "warning code=unratable item not rated",
          "debug status=200 POST /rank",
          "debug status=200 GET /health",
          "warning code=not_found status=404 (unknown path)",
          "info waiting=0 stopping",
          "info stopped",
        ])
    }

    @Test(arguments: [(Logger.Level.info, 4), (.warning, 1), (.error, 0)])
    func whatIsBelowTheLevelIsLeftOut(level: Logger.Level, count: Int) async throws {
      let lines = LogLines()
      try await withServer(logger: lines.logger(level)) { live in
        _ = try await live.get("/health")
        _ = try await live.post("/score", "{")
      }
      // A refusal; listening, stopping and stopped beside it.
      #expect(lines.events.count == count, "\(lines.events)")
    }

    @Test func nothingThatAClientWrote() async throws {
      let lines = LogLines()
      try await withServer(logger: lines.logger(.trace)) { live in
        _ = try await live.post("/score", #"{"prompt":"hush","response":"hush too long"}"#)
        _ = try await live.post("/score", #"{"hush":1}"#)
        _ = try await live.post("/hush", "hush")
        _ = try await live.get("/health?hush")
      }
      let said = lines.events.filter { $0.contains("hush") }
      #expect(said.isEmpty, "\(said)")
    }
  }
}
