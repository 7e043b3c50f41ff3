// SPDX-License-Identifier: Apache-2.0
import Files
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

extension Request {
  /// The body as JSON.
  ///
  /// - Parameters:
  ///   - limit: largest number of bytes; a body that announces more is refused unread.
  ///   - budget: the bytes that all bodies may take together.
  /// - Throws: `APIError` with 413, 408 or 429, `InputError` for what is no JSON.
  func json(limit: Int, _ budget: BodyBudget) async throws -> JSONReader {
    let announced = headers[.contentLength].flatMap { Int($0) } ?? 0
    if announced > limit { throw APIError.tooLarge("\(announced) bytes", limit: limit) }
    let share = budget.share()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(announced)
    do {
      for try await buffer in body {
        guard bytes.count + buffer.readableBytes <= limit else { throw APIError.tooLarge("more", limit: limit) }
        guard share.grow(to: bytes.count + buffer.readableBytes) else { throw APIError.busy }
        bytes += buffer.readableBytesView
      }
    } catch is BodyTimeout {
      throw APIError(
        .requestTimeout, "slow_body", "The body did not arrive in time.", headers: [.connection: "close"])
    }
    return try withExtendedLifetime(share) { JSONReader(try JSON(parsing: bytes, path: "", depth: 32), path: "") }
  }
}

/// The bytes of all bodies that are being read, so that many large ones at once do not exhaust memory.
final class BodyBudget: Sendable {
  private let limit: Int
  private let held = Mutex(0)
  /// Bytes of a body that do not count: short requests are always read.
  private static let free = 64 << 10

  init(_ limit: Int) { self.limit = limit }

  func share() -> Share { Share(self) }

  /// Bytes held by one body, until it is gone.
  final class Share: Sendable {
    private let budget: BodyBudget
    private let counted = Mutex(0)

    init(_ budget: BodyBudget) { self.budget = budget }

    deinit { budget.held.withLock { $0 -= counted.withLock { $0 } } }

    /// False where others hold too much; the body then holds nothing any more: it will be refused, and must not be the
    /// reason why others are.
    func grow(to bytes: Int) -> Bool {
      counted.withLock { counted in
        let wanted = bytes - BodyBudget.free
        guard wanted > counted else { return true }
        let fits = budget.held.withLock { held in
          let fits = held - counted + wanted <= budget.limit
          held += (fits ? wanted : 0) - counted
          return fits
        }
        counted = fits ? wanted : 0
        return fits
      }
    }
  }
}

extension APIError {
  fileprivate static var busy: APIError {
    APIError(
      .tooManyRequests, "busy", "Too many large bodies are being read.", remedy: "Try again in 1 s.",
      headers: [.connection: "close", .retryAfter: "1"])
  }

  // The rest of the body is not worth reading, so the connection ends here.
  fileprivate static func tooLarge(_ found: String, limit: Int) -> APIError {
    APIError(
      .contentTooLarge, "body_too_large", "The body is too large.", expected: "at most \(limit) bytes", found: found,
      remedy: "Send the items in several requests, or start the server with a larger --max-body.",
      headers: [.connection: "close"])
  }
}
