// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A TCP connection to a server of this machine, for what no HTTP client would send. Every call has a time limit.
final class RawConnection: @unchecked Sendable {
  struct Answer {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: String
  }
  struct Failed: Error { let call: String }

  private let descriptor: Int32
  private var unread: [UInt8] = []

  init(port: Int, seconds: Int = 10) throws {
    #if canImport(Darwin)
      descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #else
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      throw Failed(call: "connect")
    }
  }

  deinit { close(descriptor) }

  /// Whether all of it could be sent.
  @discardableResult func send(_ bytes: some Sequence<UInt8>) -> Bool {
    let bytes = Array(bytes)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        #if canImport(Darwin)
          Foundation.send(descriptor, $0.baseAddress!, $0.count, 0)
        #else
          Foundation.send(descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL))
        #endif
      }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  @discardableResult func send(_ text: String) -> Bool { send(text.utf8) }

  func post(_ path: String, _ body: String, headers: String = "") {
    send(
      "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\(headers)"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  /// The next answer; nil if the server closed the connection instead.
  ///
  /// - Parameter hasBody: false for answers to HEAD, which name a length and send nothing.
  func answer(hasBody: Bool = true) throws -> Answer? {
    var end: Int?
    while end == nil {
      end = unread.indices.first { unread[$0...].starts(with: "\r\n\r\n".utf8) }
      if end == nil, try !receive() { return nil }
    }
    let lines = String(decoding: unread[..<end!], as: UTF8.self).components(separatedBy: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    let start = end! + 4, count = hasBody ? Int(headers["content-length"] ?? "0") ?? 0 : 0
    while unread.count < start + count { if try !receive() { break } }
    let body = String(decoding: unread[start..<min(start + count, unread.count)], as: UTF8.self)
    unread.removeFirst(min(start + count, unread.count))
    return Answer(status: Int(lines[0].split(separator: " ")[1]) ?? 0, headers: headers, body: body)
  }

  /// Waits until the server ends the connection; false if it does not within the limit.
  func isClosedByServer() -> Bool {
    while true {
      switch Result(catching: receive) {
      case .success(true): continue
      case .success(false): return true
      case .failure: return false
      }
    }
  }

  /// False at the end.
  private func receive() throws -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count < 0 {
      if errno == ECONNRESET || errno == EPIPE { return false }
      throw Failed(call: "recv")
    }
    unread += buffer[..<count]
    return count > 0
  }
}

/// Blocking work on a thread of its own, so that it holds none of those that the server answers on.
func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread { continuation.resume(with: Result(catching: work)) }.start()
  }
}
