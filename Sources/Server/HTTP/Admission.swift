// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird

/// Whom the server answers: requests that name it, and pages of no other origin than are allowed.
///
/// Any page that its user's browser shows can send requests to this machine, and a name of its own can be made to lead
/// here (DNS rebinding). So a server of this machine answers to the machine's own names alone; a foreign origin is
/// refused; and a POST must say `application/json`, which a browser lets no page of another origin send unasked.
struct Admission: Sendable {
  /// Names that a Host field may have; nil for any.
  private let hosts: [Authority]?
  /// Origins of other pages that may use the server, in lower case.
  private let origins: Set<String>

  /// - Parameter settings: checked ones.
  init(_ settings: ServerSettings) {
    let allowed = settings.allowedHosts.compactMap { Authority($0) }
    let named = Authority(settings.host) ?? Authority("[\(settings.host)]")
    let own = ["localhost", "127.0.0.1", "[::1]"].compactMap { Authority($0) } + [named].compactMap { $0 }
    // Nobody can say by what names others reach an open address; there, a token keeps them out.
    hosts = ServerSettings.isLoopback(settings.host) ? own + allowed : allowed.isEmpty ? nil : own + allowed
    origins = Set(settings.allowedOrigins.map { $0.lowercased() })
  }

  /// - Returns: the allowed foreign origin that asks; nil for a request of no page, or of the server's own.
  /// - Throws: `APIError` with 400, 403 or 501.
  func admit(_ request: Request) throws(APIError) -> String? {
    try checkFraming(request.headers)
    let host = try host(of: request)
    guard let origin = request.headers[.origin] else { return nil }
    if origins.contains(origin.lowercased()) { return origin }
    if host.isOrigin(origin) { return nil }
    throw Self.refusal(
      .forbidden, "foreign_origin", "Pages of this origin may not use the server.",
      expected: "no Origin, or the server's own", found: "Origin: \(origin)",
      remedy: "Start the server with --allow-origin \(origin) if the page is yours.")
  }

  /// Server name in the request.
  private func host(of request: Request) throws(APIError) -> Authority {
    let fields = [request.head.authority].compactMap { $0 } + request.headers[values: Self.hostField]
    guard fields.count == 1, let host = Authority(fields[0]) else {
      throw Self.refusal(
        .badRequest, "bad_host", "A request names the server it is for, once.",
        expected: "one Host field: a name or an address, and a port",
        found: fields.isEmpty ? "none" : fields.map { "\"\($0)\"" }.joined(separator: ", "))
    }
    if let hosts, !hosts.contains(where: { $0.host == host.host && ($0.port == nil || $0.port == host.port) }) {
      throw Self.refusal(
        .forbidden, "foreign_host", "The server does not go by this name.",
        expected: "Host: " + Self.names(hosts), found: "Host: \(fields[0])",
        remedy: "Ask for one of these, or start the server with --allow-host \(host.host).")
    }
    return host
  }

  /// Two readings of where a request ends are how one is smuggled past a proxy.
  private func checkFraming(_ headers: HTTPFields) throws(APIError) {
    guard let coding = headers[.transferEncoding] else { return }
    guard coding.lowercased() == "chunked" else {
      throw Self.refusal(
        .notImplemented, "transfer_encoding", "Bodies are not taken in this transfer coding.",
        expected: "Transfer-Encoding: chunked, or a Content-Length", found: coding, remedy: "Send the body as it is.")
    }
    guard headers[.contentLength] == nil else {
      throw Self.refusal(
        .badRequest, "transfer_encoding", "The body's length is said twice.",
        expected: "Content-Length or Transfer-Encoding", found: "both")
    }
  }

  /// A body that is JSON by its own account, as it is.
  ///
  /// - Throws: `APIError` with 415.
  static func checkBody(_ headers: HTTPFields) throws(APIError) {
    let type = headers[.contentType]
    let parts = (type ?? "").lowercased().split(separator: ";").map { $0.filter { !$0.isWhitespace && $0 != "\"" } }
    guard parts.first == "application/json",
      parts.dropFirst().allSatisfy({ !$0.hasPrefix("charset=") || $0 == "charset=utf-8" })
    else {
      throw refusal(
        .unsupportedMediaType, "unsupported_media_type", "The body is not said to be JSON.",
        expected: "Content-Type: application/json", found: type.map { "Content-Type: \($0)" } ?? "no Content-Type",
        remedy: "With curl: --json BODY, or -H 'Content-Type: application/json' -d BODY.")
    }
    if let coding = headers[.contentEncoding], coding.lowercased() != "identity" {
      throw refusal(
        .unsupportedMediaType, "unsupported_media_type", "Bodies are not taken compressed.",
        expected: "no Content-Encoding", found: "Content-Encoding: \(coding)", remedy: "Send the body as it is.")
    }
  }

  // What the client still sends is not read, so the connection ends with the answer.
  private static func refusal(
    _ status: HTTPResponse.Status, _ code: String, _ message: String, expected: String, found: String,
    remedy: String = ""
  ) -> APIError {
    APIError(
      status, code, message, expected: expected, found: String(found.prefix(200)), remedy: remedy,
      headers: [.connection: "close"])
  }

  private static func names(_ hosts: [Authority]) -> String {
    var seen = Set<Authority>()
    return hosts.filter { seen.insert($0).inserted }.map(\.description).joined(separator: ", ")
  }

  private static let hostField = HTTPField.Name("Host")!
}
