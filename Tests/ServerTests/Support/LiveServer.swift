// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Server

/// A server on a free port, and its reward model's strings.
struct LiveServer: Sendable {
  let port: Int
  let server: RewardServer
  let control: RewardModelControl
  let stop: @Sendable () -> Void

  func connect(seconds: Int = 10) throws -> RawConnection { try RawConnection(port: port, seconds: seconds) }

  /// One request on a connection of its own.
  func post(_ path: String, _ body: String) async throws -> RawConnection.Answer? {
    let port = port
    return try await onThread {
      let connection = try RawConnection(port: port)
      connection.post(path, body)
      return try connection.answer()
    }
  }

  func get(_ path: String) async throws -> RawConnection.Answer? {
    let port = port
    return try await onThread {
      let connection = try RawConnection(port: port)
      connection.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
      return try connection.answer()
    }
  }

  /// Waits until so many items wait in the queue.
  func waits(for count: Int) async throws { try await eventually { server.batcher.waiting == count } }
}

struct NeverHappened: Error {}

/// Waits for something that will be so shortly.
func eventually(_ condition: () -> Bool) async throws {
  for _ in 0..<5000 {
    if condition() { return }
    try await Task.sleep(for: .milliseconds(1))
  }
  throw NeverHappened()
}

/// Serves while `body` runs; throws what serving throws.
func withServer(
  _ control: RewardModelControl = RewardModelControl(), logger: Logger? = nil,
  _ change: (inout ServerSettings) -> Void = { _ in }, _ body: (LiveServer) async throws -> Void
) async throws {
  var settings = ServerSettings()
  settings.port = 0
  change(&settings)
  let server = try await RewardServer.load(settings, logger: logger) { TestRewardModel(control) }
  let (stopped, stop) = AsyncStream.makeStream(of: Void.self)
  let (addresses, ready) = AsyncStream.makeStream(of: String.self)
  let running = Task { try await server.run(stop: stopped) { ready.yield($0) } }
  for await address in addresses {
    let port = Int(address.split(separator: ":").last!)!
    do {
      try await body(LiveServer(port: port, server: server, control: control) { stop.yield() })
    } catch {
      control.open()
      stop.yield()
      try await running.value
      throw error
    }
    break
  }
  control.open()
  stop.yield()
  try await running.value
}

/// A server whose routes are asked one by one.
func withRoutes(
  _ change: (inout ServerSettings) -> Void = { _ in }, control: RewardModelControl = RewardModelControl(),
  _ body: (RouteClient) async throws -> Void
) async throws {
  try await withServer(control, change) { live in try await body(RouteClient(port: live.port, server: live.server)) }
}

/// Asks a server, one connection a request.
struct RouteClient: Sendable {
  struct Answer: Sendable {
    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body: String
  }

  let port: Int
  let server: RewardServer

  func ask(
    _ path: String, method: HTTPRequest.Method = .get, authorization: String? = nil, body: String? = nil
  ) async throws -> Answer {
    let port = port
    let answer = try await onThread {
      let connection = try RawConnection(port: port)
      var head = "\(method.rawValue) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
      if let authorization { head += "Authorization: \(authorization)\r\n" }
      if let body { head += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
      connection.send(head + "\r\n" + (body ?? ""))
      return try connection.answer(hasBody: method != .head)
    }
    guard let answer else { throw NeverHappened() }
    var headers = HTTPFields()
    for (name, value) in answer.headers { HTTPField.Name(name).map { headers[$0] = value } }
    return Answer(status: .init(code: answer.status), headers: headers, body: answer.body)
  }

  /// Status and body of a POST.
  func post(_ path: String, _ body: String) async throws -> (status: Int, json: JSON) {
    let answer = try await ask(path, method: .post, body: body)
    return (answer.status.code, try JSON(parsing: answer.body, path: "answer"))
  }
}
