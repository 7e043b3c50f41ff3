// SPDX-License-Identifier: Apache-2.0
/// A host with a port, as a Host field, an origin or `--allow-host` writes it: `localhost:8080`, `[::1]`.
struct Authority: Hashable, Sendable, CustomStringConvertible {
  /// In lower case; an IPv6 address with its brackets.
  let host: String
  /// Nil where none is written.
  let port: Int?

  /// Nil for what is no host with an optional port.
  init?(_ text: some StringProtocol) {
    let text = text.lowercased()
    var rest: Substring
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]"), text[..<end].dropFirst().utf8.allSatisfy(Self.isAddress) else {
        return nil
      }
      (host, rest) = (String(text[...end]), text[text.index(after: end)...])
    } else {
      let name = text.prefix { $0 != ":" }
      guard !name.isEmpty, name.utf8.allSatisfy(Self.isName) else { return nil }
      (host, rest) = (String(name), text[name.endIndex...])
    }
    if rest.isEmpty {
      port = nil
    } else {
      rest = rest.dropFirst()
      guard text[..<rest.startIndex].last == ":", rest.utf8.count <= 5, rest.utf8.allSatisfy(Self.isDigit),
        let number = Int(rest), 1...65535 ~= number
      else { return nil }
      port = number
    }
  }

  /// The origin's authority, nil for `null` and what is no origin of HTTP. Its port is never nil.
  init?(origin: String) {
    let schemes = [("http://", 80), ("https://", 443)]
    guard let (scheme, usual) = schemes.first(where: { origin.lowercased().hasPrefix($0.0) }),
      let authority = Authority(origin.dropFirst(scheme.count))
    else { return nil }
    (host, port) = (authority.host, authority.port ?? usual)
  }

  var description: String { host + (port.map { ":\($0)" } ?? "") }

  /// Whether an origin is this server's own: the same name, and the port that its scheme means where none is written.
  func isOrigin(_ origin: String) -> Bool {
    guard let page = Authority(origin: origin), let scheme = origin.firstRange(of: "://") else { return false }
    return page == Authority(origin: origin[..<scheme.upperBound] + description)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }
  private static func isName(_ byte: UInt8) -> Bool {
    isDigit(byte) || 0x61...0x7A ~= byte || "-._".utf8.contains(byte)
  }
  private static func isAddress(_ byte: UInt8) -> Bool {
    isDigit(byte) || 0x61...0x66 ~= byte || ":.".utf8.contains(byte)
  }
}
