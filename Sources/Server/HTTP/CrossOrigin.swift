// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird

/// What tells a browser that a page of another origin may read an answer (the Fetch standard, section 3.3).
enum CrossOrigin {
  /// The answer to OPTIONS: the methods of a path, and for an allowed origin that it may use them.
  static func preflight(_ request: Request, methods: [String], origin: String?) -> Response {
    var headers: HTTPFields = [.allow: methods.joined(separator: ", ")]
    if origin != nil {
      headers[.accessControlAllowMethods] = methods.joined(separator: ", ")
      headers[.accessControlAllowHeaders] = "Authorization, Content-Type"
      headers[.accessControlMaxAge] = "600"
      // Chromium asks before a public page reaches into a private network.
      if request.headers[asksForPrivate] == "true" { headers[allowsPrivate] = "true" }
    }
    return Response(status: .noContent, headers: headers)
  }

  /// Lets the page read an answer, whether it is one or an error.
  static func allow(_ origin: String?, _ response: inout Response) {
    guard let origin else { return }
    response.headers[.accessControlAllowOrigin] = origin
    response.headers[.accessControlExposeHeaders] = "Retry-After"
    response.headers[.vary] = "Origin"
  }

  private static let asksForPrivate = HTTPField.Name("Access-Control-Request-Private-Network")!
  private static let allowsPrivate = HTTPField.Name("Access-Control-Allow-Private-Network")!
}
