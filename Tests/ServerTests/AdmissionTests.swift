// SPDX-License-Identifier: Apache-2.0
import Foundation
import Server
import Testing

extension Serving {
  /// What a browser could be made to send by another's page, and what two programs could read differently.
  @Suite struct AdmissionTests {
    private static let body = #"{"prompt":"p","response":"b"}"#

    /// The status of a POST with these header lines and nothing else but its length.
    private func status(_ live: LiveServer, _ lines: [String], target: String = "/score") async throws -> (Int, String)
    {
      try await ask(live, "POST \(target) HTTP/1.1", lines + ["Content-Length: \(Self.body.utf8.count)"], Self.body)
    }

    private func ask(
      _ live: LiveServer, _ start: String, _ lines: [String], _ body: String = ""
    ) async throws -> (Int, String) {
      let answer = try await answer(live, start, lines, body)
      return (answer?.status ?? 0, answer?.body ?? "")
    }

    private func answer(
      _ live: LiveServer, _ start: String, _ lines: [String], _ body: String = ""
    ) async throws -> RawConnection.Answer? {
      let text = ([start] + lines).map { $0 + "\r\n" }.joined() + "\r\n" + body
      return try await onThread {
        let connection = try live.connect(seconds: 5)
        connection.send(text)
        return try connection.answer()
      }
    }

    private static let json = "Content-Type: application/json"

    @Test func aLoopbackServerGoesByItsOwnNamesAlone() async throws {
      try await withServer { (live: LiveServer) async throws in
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:\(live.port)", "[::1]", "[::1]:1", "127.0.0.1"] {
          #expect(try await status(live, ["Host: \(host)", Self.json]).0 == 200, "\(host)")
        }
        for host in ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "0"]
        {
          let (code, text) = try await status(live, ["Host: \(host)", Self.json])
          #expect(code == 403, "\(host)")
          #expect(text.contains("foreign_host"), "\(host)")
          #expect(text.contains("--allow-host"), "\(host)")
        }
        for host in [
          "", "a b", "user@localhost", "localhost:", "localhost:99999", "localhost:8080:1", "[::1", "loc/alhost",
        ] {
          let (code, _) = try await status(live, ["Host: \(host)", Self.json])
          #expect(code == 400, "\(host)")
        }
        #expect(try await status(live, [Self.json]).0 == 400)
        #expect(try await status(live, ["Host: localhost", "Host: localhost", Self.json]).0 == 400)
        #expect(try await status(live, ["Host: localhost", "host: evil.example", Self.json]).0 == 400)
        // Every route: descriptions are nobody else's business either.
        for path in ["/", "/health", "/metrics", "/openapi.json", "/nowhere"] {
          #expect(try await ask(live, "GET \(path) HTTP/1.1", ["Host: evil.example"]).0 == 403)
        }
        // Host decides where a target names a server as well.
        let (own, _) = try await status(live, ["Host: localhost:1", Self.json], target: "http://localhost:1/score")
        let (other, _) = try await status(live, ["Host: evil.example", Self.json], target: "http://localhost/score")
        #expect(own == 200)
        #expect(other == 403)
      }
    }

    @Test func furtherNamesCanBeAllowed() async throws {
      try await withServer(RewardModelControl(), { $0.allowedHosts = ["judge.example", "other.example:80"] }) {
        (live: LiveServer) async throws in
        for (host, code) in [
          ("judge.example", 200), ("Judge.Example:9", 200), ("other.example:80", 200), ("other.example:81", 403),
          ("third.example", 403), ("localhost", 200),
        ] {
          #expect(try await status(live, ["Host: \(host)", Self.json]).0 == code, "\(host)")
        }
      }
      var settings = ServerSettings()
      for bad in ["", "http://a", "a/b", "a:x"] {
        settings.allowedHosts = [bad]
        #expect(throws: (any Error).self) { try settings.check() }
      }
      settings.allowedHosts = []
      for bad in ["", "null", "*", "a.example", "https://a.example/", "ftp://a.example"] {
        settings.allowedOrigins = [bad]
        #expect(throws: (any Error).self) { try settings.check() }
      }
    }

    /// An open address is called by names that nobody can list; a token guards it.
    @Test func anOpenAddressTakesAnyNameUnlessToldWhich() async throws {
      func settings(_ names: [String]) -> (inout ServerSettings) -> Void {
        { ($0.host, $0.token, $0.allowedHosts) = ("0.0.0.0", "open-sesame", names) }
      }
      let token = "Authorization: Bearer open-sesame"
      try await withServer(RewardModelControl(), settings([])) { (live: LiveServer) async throws in
        #expect(try await status(live, ["Host: judge.example", Self.json, token]).0 == 200)
        #expect(try await status(live, ["Host: judge.example", "Host: judge.example", Self.json, token]).0 == 400)
        #expect(try await status(live, ["Host: judge.example", "Origin: http://b.example", Self.json, token]).0 == 403)
        #expect(try await status(live, ["Host: judge.example", "Content-Type: text/plain", token]).0 == 415)
      }
      try await withServer(RewardModelControl(), settings(["judge.example"])) { (live: LiveServer) async throws in
        #expect(try await status(live, ["Host: judge.example", Self.json, token]).0 == 200)
        #expect(try await status(live, ["Host: other.example", Self.json, token]).0 == 403)
      }
    }

    @Test func pagesOfOtherOriginsAreRefused() async throws {
      try await withServer(RewardModelControl(), { $0.allowedOrigins = ["https://app.example"] }) {
        (live: LiveServer) async throws in
        let host = "Host: 127.0.0.1:\(live.port)"
        for origin in ["http://127.0.0.1:\(live.port)", "https://app.example", "https://APP.example"] {
          #expect(try await status(live, [host, "Origin: \(origin)", Self.json]).0 == 200, "\(origin)")
        }
        for origin in [
          "null", "http://evil.example", "http://localhost:\(live.port)", "http://127.0.0.1", "https://app.example:444",
          "http://127.0.0.1:\(live.port).evil.example", "", "https://app.example, https://app.example",
        ] {
          let (code, text) = try await status(live, [host, "Origin: \(origin)", Self.json])
          #expect(code == 403, "\(origin)")
          #expect(text.contains("foreign_origin"), "\(origin)")
        }
        #expect(try await ask(live, "GET /metrics HTTP/1.1", [host, "Origin: http://evil.example"]).0 == 403)
        // Two origins.
        let two = ["Origin: https://app.example", "Origin: http://evil.example"]
        #expect(try await status(live, [host] + two + [Self.json]).0 == 403)
        // The usual port need not be written.
        #expect(try await status(live, ["Host: localhost", "Origin: http://localhost", Self.json]).0 == 200)
        #expect(try await status(live, ["Host: localhost:80", "Origin: http://localhost", Self.json]).0 == 200)
      }
    }

    @Test func preflights() async throws {
      try await withServer(
        RewardModelControl(), { ($0.allowedOrigins, $0.token) = (["https://app.example"], "open-sesame") }
      ) {
        (live: LiveServer) async throws in
        let asks = [
          "Host: localhost", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type",
        ]
        let yes = try await answer(live, "OPTIONS /score HTTP/1.1", asks + ["Origin: https://app.example"])
        #expect(yes?.status == 204)
        #expect(yes?.body == "")
        #expect(yes?.headers["access-control-allow-origin"] == "https://app.example")
        #expect(yes?.headers["access-control-allow-methods"] == "POST, OPTIONS")
        #expect(yes?.headers["access-control-allow-headers"]?.contains("Content-Type") == true)
        #expect(yes?.headers["vary"] == "Origin")
        let no = try await answer(live, "OPTIONS /score HTTP/1.1", asks + ["Origin: http://evil.example"])
        #expect(no?.status == 403)
        #expect(no?.headers["access-control-allow-origin"] == nil)
        #expect(try await answer(live, "OPTIONS /nowhere HTTP/1.1", asks)?.status == 404)
        let plain = try await answer(live, "OPTIONS /health HTTP/1.1", ["Host: localhost"])
        #expect(plain?.status == 204)
        #expect(plain?.headers["allow"] == "GET, OPTIONS")
        // The page may read errors as well.
        let refused = try await answer(
          live, "GET /metrics HTTP/1.1", ["Host: localhost", "Origin: https://app.example"])
        #expect(refused?.status == 401 && refused?.headers["access-control-allow-origin"] == "https://app.example")
      }
    }

    @Test func aBodySaysThatItIsJSON() async throws {
      try await withServer { (live: LiveServer) async throws in
        for type in ["application/json", "Application/JSON; charset=UTF-8", #"application/json;charset="utf-8""#] {
          #expect(try await status(live, ["Host: localhost", "Content-Type: \(type)"]).0 == 200, "\(type)")
        }
        for type in [
          "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=latin1",
          "text/plain; application/json", "application/jsonx", "",
        ] {
          let (code, text) = try await status(live, ["Host: localhost", "Content-Type: \(type)"])
          #expect(code == 415, "\(type)")
          #expect(text.contains("application/json"), "\(type)")
          #expect(text.contains("--json"), "\(type)")
        }
        #expect(try await status(live, ["Host: localhost"]).0 == 415)
        #expect(try await status(live, ["Host: localhost", Self.json, "Content-Type: text/plain"]).0 == 415)
        #expect(try await status(live, ["Host: localhost", Self.json, "Content-Encoding: gzip"]).0 == 415)
        #expect(try await status(live, ["Host: localhost", Self.json, "Content-Encoding: identity"]).0 == 200)
      }
    }

    @Test func whereABodyEndsIsSaidInOneWay() async throws {
      let chunks = "\(String(Self.body.utf8.count, radix: 16))\r\n\(Self.body)\r\n0\r\n\r\n"
      try await withServer { (live: LiveServer) async throws in
        func status(_ lines: String...) async throws -> Int {
          try await ask(live, "POST /score HTTP/1.1", ["Host: localhost", Self.json] + lines, chunks).0
        }
        #expect(try await status("Transfer-Encoding: chunked") == 200)
        #expect(try await status("Transfer-Encoding: Chunked") == 200)
        for coding in ["gzip, chunked", "gzip,chunked", "identity, chunked", "chunked, chunked", "xchunked, chunked"] {
          let code = try await status("Transfer-Encoding: \(coding)")
          #expect([400, 501].contains(code), "\(code)")
        }
        for coding in ["gzip", "identity", "chunked, gzip", "chunked;q=1", ""] {
          let code = try await status("Transfer-Encoding: \(coding)")
          #expect([400, 501].contains(code), "\(code)")
        }
        let code = try await status("Transfer-Encoding: gzip", "Transfer-Encoding: chunked")
        #expect([400, 501].contains(code), "\(code)")
        #expect(try await status("Transfer-Encoding: chunked", "Content-Length: \(chunks.utf8.count)") == 400)
        #expect(try await status("Content-Length: \(chunks.utf8.count)", "Transfer-Encoding: chunked") == 400)
        #expect(try await status("Content-Length: 3", "Content-Length: 4") == 400)
      }
    }
  }
}
