// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Server
import Synchronization

/// A reward server of this process on a free port of the loopback interface, fed with requests as bytes.
///
/// Whatever comes, it must answer or end the connection, and go on serving.
enum ServerTarget {
  static let target = FuzzTarget(name: "http", suffix: "http", seeds: { requests.map { Array($0.utf8) } }) { bytes, _ in
    let port = try port.get()
    try exchange(bytes, port: port, endsThere: true)
    // Others are served as before.
    let health = Array("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
    let answer = try exchange(health, port: port, endsThere: false)
    guard answer.starts(with: "HTTP/1.1 200".utf8) else { throw Unserved() }
  }

  struct Unserved: Error {}

  /// Begun when it is first asked for, and never stopped.
  private static let port = Result { () throws -> Int in
    let found = Mutex<Result<Int, any Error>?>(nil), ready = DispatchSemaphore(value: 0)
    Task {
      do {
        var settings = ServerSettings()
        settings.port = 0
        let server = try await RewardServer.load(settings) { StubRewardModel() }
        try await server.run { address in
          found.withLock { $0 = .success(address.split(separator: ":").last.flatMap { Int($0) } ?? 0) }
          ready.signal()
        }
      } catch {
        found.withLock { $0 = .failure(error) }
        ready.signal()
      }
    }
    ready.wait()
    return try found.withLock { $0 }!.get()
  }

  /// Sends all of it and reads until the server ends the connection.
  ///
  /// - Parameter endsThere: says that no more comes, so that half a request is waited for no longer.
  @discardableResult private static func exchange(_ bytes: [UInt8], port: Int, endsThere: Bool) throws -> [UInt8] {
    let socket = try connected(port)
    defer { close(socket) }
    // An error to write is the server's right: it need not read what it refuses.
    _ = bytes.withUnsafeBytes { tryWriteAll($0, to: socket) }
    if endsThere { shutdown(socket, Int32(SHUT_WR)) }
    var answer = [UInt8](), chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(socket, &chunk, chunk.count)
      guard count > 0 else { return answer }
      answer += chunk[..<count]
    }
  }

  private static func connected(_ port: Int) throws -> Int32 {
    #if canImport(Darwin)
      let socket = socket(AF_INET, SOCK_STREAM, 0)
    #else
      let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(socket)
      throw Unserved()
    }
    return socket
  }

  private static let requests = [
    post("/score", #"{"prompt": "2+3=", "response": "5"}"#),
    post("/score", #"{"messages": [{"role": "user", "content": "hi"}], "response": "a", "attributes": true}"#),
    post("/rank", #"{"prompt": "p", "responses": ["a", "b", "c"]}"#),
    post("/v1/rewards", #"{"prompts": ["p", "q"], "completions": ["a", "b"]}"#),
    post("/score", #"{"prompt": "p", "response": "r"}"#, "Expect: 100-continue\r\nAuthorization: Bearer x\r\n"),
    "POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "10\r\n{\"prompt\": \"p\", \r\n11\r\n\"response\": \"abc\"}\r\n0\r\n\r\n",
    "OPTIONS /score HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
      + "Access-Control-Request-Method: POST\r\n\r\n",
    "GET /metrics HTTP/1.0\r\nHost: localhost:80\r\nAccept: */*\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n",
  ]

  private static func post(_ path: String, _ body: String, _ headers: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\(headers)"
      + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
}

/// Rates a response by its length.
private final class StubRewardModel: RewardModel {
  let name = "stub", range: ClosedRange<Double>? = 0...20
  let attributes: [(name: String, range: ClosedRange<Double>?)] = [("clarity", 0...4)]

  func tokens(of request: RewardRequest) throws -> Int { request.response.utf8.count }

  func rewards(of requests: [RewardRequest], attributes: Bool, tokenBudget: Int?) throws -> [Reward] {
    requests.map { request in
      let score = Reward.Score(
        name: "overall", expectation: Double(request.response.utf8.count % 21), variance: 0,
        values: [0, 20], probabilities: [0.5, 0.5], coverage: 1)
      return Reward(overall: score, attributes: [])
    }
  }
}
