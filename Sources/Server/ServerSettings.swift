// SPDX-License-Identifier: Apache-2.0
public import Files

/// Where a reward server listens and what it allows.
public struct ServerSettings: Sendable {
  /// A name or an address to listen on.
  public var host = "127.0.0.1"
  /// 0 for any that is free.
  public var port = 8080
  /// Token that clients must send; nil for none, which only a loopback address may have.
  public var token: String?
  /// Names beside the machine's own by which clients may call the server (`judge.example`, `judge.example:8080`).
  /// Empty: on a loopback address none, on others any.
  public var allowedHosts: [String] = []
  /// Origins whose pages may use the server beside its own: `https://app.example`.
  public var allowedOrigins: [String] = []
  /// Largest number of items that wait.
  public var queue = 1024
  /// From a request's items entering the queue to their answer.
  public var timeout: Duration = .seconds(30)
  /// Largest number of tokens of a batch.
  public var tokenBudget = 4096
  /// Largest body of a request, in bytes.
  public var bodyLimit = 4 << 20
  /// Largest number of open connections; more wait to be accepted.
  public var connections = 512
  /// For the head of a request to arrive whole, and between two requests of a connection.
  public var idleTimeout: Duration = .seconds(15)
  /// For the body to arrive whole once the head is there.
  public var readTimeout: Duration = .seconds(15)
  /// For the client to take the answer.
  public var writeTimeout: Duration = .seconds(15)
  /// For what is queued when the server is told to stop.
  public var drainTimeout: Duration = .seconds(20)

  /// The defaults.
  public init() {}

  /// - Throws: `InputError` for settings that would serve nobody, or everybody.
  public func check() throws(InputError) {
    if !Self.isLoopback(host), token == nil {
      throw InputError(
        path: "<arguments>", place: "--host \(host)", expected: "a token, since others can reach this address",
        found: "none", remedy: "Set DIST2_TOKEN (or --token), or listen on 127.0.0.1.")
    }
    if let token, token.utf8.count < 8 || !token.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) {
      throw InputError(
        path: "<arguments>", place: "the token", expected: "at least 8 ASCII characters without spaces",
        found: "\(token.utf8.count) bytes", remedy: "Make one with `openssl rand -hex 32`.")
    }
    for host in allowedHosts where Authority(host) == nil {
      throw InputError(
        path: "<arguments>", place: "--allow-host", expected: "a name or an address, and a port if it matters",
        found: "\"\(host)\"", remedy: "Like judge.example, judge.example:8080 or [2001:db8::1].")
    }
    for origin in allowedOrigins where Authority(origin: origin) == nil {
      throw InputError(
        path: "<arguments>", place: "--allow-origin", expected: "what a browser sends as Origin",
        found: "\"\(origin)\"", remedy: "Like https://app.example or http://localhost:3000, without a path.")
    }
    try atLeast(1, queue, "--queue")
    try atLeast(1, tokenBudget, "--token-budget")
    try atLeast(1024, bodyLimit, "--max-body")
    guard 0...65535 ~= port else {
      throw InputError(path: "<arguments>", place: "--port", expected: "0 to 65535", found: "\(port)")
    }
    guard timeout >= .milliseconds(1), timeout <= .seconds(86400) else {
      throw InputError(path: "<arguments>", place: "--timeout", expected: "up to a day", found: "\(timeout)")
    }
  }

  private func atLeast(_ least: Int, _ value: Int, _ name: String) throws(InputError) {
    guard value < least else { return }
    throw InputError(path: "<arguments>", place: name, expected: "at least \(least)", found: "\(value)")
  }

  /// Whether only programs of this machine can reach an address.
  public static func isLoopback(_ host: String) -> Bool {
    if host.lowercased() == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  /// The number of bytes that `4MiB`, `512kiB`, `1GiB`, `4000000` name.
  ///
  /// - Throws: `InputError` naming the flag `place`.
  public static func bytes(_ text: String, place: String) throws(InputError) -> Int {
    let units = [("gib", 30), ("mib", 20), ("kib", 10), ("b", 0), ("", 0)]
    let lower = text.lowercased()
    for (unit, shift) in units where lower.hasSuffix(unit) {
      if let number = Int(lower.dropLast(unit.count)), 0...(1 << 30) ~= number, number << shift <= 1 << 40 {
        return number << shift
      }
      break
    }
    throw InputError(
      path: "<arguments>", place: place, expected: "a size like 4MiB, 512KiB or 4000000", found: "\"\(text)\"")
  }
}
