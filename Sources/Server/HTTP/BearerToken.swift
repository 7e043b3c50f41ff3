// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The secret that clients show.
struct BearerToken: Sendable {
  private let bytes: [UInt8]

  init(_ token: String) { bytes = Array(token.utf8) }

  /// Whether the value of an Authorization header shows the token: `Bearer TOKEN`, or `Basic` with it as the password,
  /// which is what a browser asks its user for.
  func isShown(by header: String?) -> Bool {
    guard let header, header.utf8.count <= 8192, let space = header.firstIndex(of: " ") else { return false }
    let value = header[header.index(after: space)...]
    switch header[..<space].lowercased() {
    case "bearer": return matches(Array(value.utf8))
    case "basic":
      guard let pair = Data(base64Encoded: String(value)), let colon = pair.firstIndex(of: UInt8(ascii: ":")) else {
        return false
      }
      return matches(Array(pair[(colon + 1)...]))
    default: return false
    }
  }

  /// Takes as long for a wrong token as for the right one: how much of a guess was right must not show.
  func matches(_ guess: [UInt8]) -> Bool {
    var difference = UInt8(guess.count == bytes.count ? 0 : 1)
    for index in guess.indices { difference |= guess[index] ^ bytes[index % bytes.count] }
    return difference == 0
  }
}
