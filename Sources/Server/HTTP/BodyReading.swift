import Files
import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
  /// The body as JSON.
  ///
  /// - Parameter limit: largest number of bytes; a body that announces more is refused unread.
  /// - Throws: `APIError` with 413 or 408, `InputError` for what is no JSON.
  func json(limit: Int) async throws -> JSONReader {
    let announced = headers[.contentLength].flatMap { Int($0) } ?? 0
    if announced > limit { throw APIError.tooLarge("\(announced) bytes", limit: limit) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(announced)
    do {
      for try await buffer in body {
        guard bytes.count + buffer.readableBytes <= limit else { throw APIError.tooLarge("more", limit: limit) }
        bytes += buffer.readableBytesView
      }
    } catch is BodyTimeout {
      throw APIError(
        .requestTimeout, "slow_body", "The body did not arrive in time.", headers: [.connection: "close"])
    }
    return JSONReader(try JSON(parsing: bytes, path: "", depth: 32), path: "")
  }
}

extension APIError {
  // The rest of the body is not worth reading, so the connection ends here.
  fileprivate static func tooLarge(_ found: String, limit: Int) -> APIError {
    APIError(
      .contentTooLarge, "body_too_large", "The body is too large.", expected: "at most \(limit) bytes", found: found,
      remedy: "Send the items in several requests, or start the server with a larger --max-body.",
      headers: [.connection: "close"])
  }
}
