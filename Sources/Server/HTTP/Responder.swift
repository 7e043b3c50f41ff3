// SPDX-License-Identifier: Apache-2.0
import Files
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Context of a handler besides the request.
struct ConnectionContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}

/// One thing that the server does.
struct Route: Sendable {
  let method: HTTPRequest.Method
  let path: String
  /// Whether it answers without a token.
  var isOpen = false
  let answer: @Sendable (Request, ConnectionContext) async throws -> Response
}

/// Finds the route of a request; says in JSON what is wrong with one; counts and logs.
struct Responder: HTTPResponder {
  typealias Context = ConnectionContext

  let routes: [Route]
  let admission: Admission
  let token: BearerToken?
  let metrics: ServerMetrics
  let logger: Logger

  func respond(to request: Request, context: ConnectionContext) async throws -> Response {
    let start = ContinuousClock.now
    let path = request.uri.path
    let known = routes.contains { $0.path == path }
    var response: Response
    var origin: String?
    var refusal: APIError?
    do {
      origin = try admission.admit(request)
      response =
        request.method == .options
        ? CrossOrigin.preflight(request, methods: try methods(path), origin: origin)
        : try await route(request, path).answer(request, context)
    } catch let error as APIError {
      refusal = error
      response = error.response
    } catch let error as InputError {
      let error = APIError(.badRequest, "malformed", error)
      refusal = error
      response = error.response
    }
    CrossOrigin.allow(origin, &response)
    if request.method == .head { response = response.createHeadResponse() }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    metrics.answered(route: known ? path : "other", status: response.status.code, seconds: seconds)
    let name = known ? "\(request.method.rawValue.prefix(16)) \(path)" : "(unknown path)"
    log(name, response.status.code, refusal, seconds)
    return response
  }

  /// One line a request. A path that is none of the server's could say anything, so it is not repeated.
  private func log(_ request: String, _ status: Int, _ refusal: APIError?, _ seconds: Double) {
    var metadata = refusal?.metadata ?? [:]
    metadata["status"] = "\(status)"
    metadata["ms"] = "\(Int(seconds * 1000))"
    logger.log(level: status >= 400 ? .warning : .debug, "\(request)", metadata: metadata)
  }

  private func route(_ request: Request, _ path: String) throws(APIError) -> Route {
    let here = routes.filter { $0.path == path }
    let method = request.method == .head ? .get : request.method
    if let token, !here.contains(where: \.isOpen), !token.isShown(by: request.headers[.authorization]) {
      throw APIError(
        .unauthorized, "unauthorized", "This server wants a token.", expected: "Authorization: Bearer TOKEN",
        found: request.headers[.authorization] == nil ? "no such header" : "another token",
        remedy: "Send the token that the server was started with.",
        headers: [.wwwAuthenticate: path == "/" ? #"Basic realm="dist2", charset="UTF-8""# : "Bearer"])
    }
    let allowed = try methods(path).joined(separator: ", ")
    if let route = here.first(where: { $0.method == method }) {
      if method == .post { try Admission.checkBody(request.headers) }
      return route
    }
    throw APIError(
      .methodNotAllowed, "method_not_allowed", "\(path) has no such method.", expected: allowed,
      found: request.method.rawValue, headers: [.allow: allowed])
  }

  /// Methods of a path. A browser's preflight asks without a token, so this tells no more than the documents do.
  private func methods(_ path: String) throws(APIError) -> [String] {
    let here = routes.filter { $0.path == path }.map(\.method.rawValue)
    guard !here.isEmpty else {
      throw APIError(
        .notFound, "not_found", "There is nothing at this path.",
        expected: routes.map(\.path).joined(separator: ", "), found: "\"\(path)\"",
        remedy: "GET /openapi.json describes what there is.")
    }
    return here + ["OPTIONS"]
  }
}
