// SPDX-License-Identifier: Apache-2.0
import Files
import HTTPTypes
import Hummingbird
import Logging

/// An answer that says what is wrong, as every other answer does, in JSON.
struct APIError: Error {
  let status: HTTPResponse.Status
  /// A name for programs: `malformed`, `unauthorized`, `queue_full`, …
  let code: String
  let message: String
  var place = ""
  var expected = ""
  var found = ""
  var remedy = ""
  var headers = HTTPFields()

  init(
    _ status: HTTPResponse.Status, _ code: String, _ message: String, expected: String = "", found: String = "",
    remedy: String = "", headers: HTTPFields = [:]
  ) {
    (self.status, self.code, self.message, self.headers) = (status, code, message, headers)
    (self.expected, self.found, self.remedy) = (expected, found, remedy)
  }

  /// Something wrong in what the client wrote.
  init(_ status: HTTPResponse.Status, _ code: String, _ error: InputError) {
    let place = error.place.isEmpty ? "" : "\(error.place): "
    self.init(
      status, code, "\(place)expected \(error.expected), found \(error.found).", expected: error.expected,
      found: error.found, remedy: error.remedy)
    self.place = error.place
  }

  /// Why an item of a request has no score.
  init(_ failure: ItemFailure) {
    switch failure {
    case .refused(let error): self.init(.unprocessableContent, "unratable", error)
    case .failed(let message):
      self.init(.internalServerError, "model_failed", message, remedy: "Report this with the prompt and the response.")
    }
  }

  /// The error object, without the wrapping.
  var json: JSON {
    var object = JSONObject()
    object["code"] = .string(code)
    for (key, text) in [
      ("message", message), ("place", place), ("expected", expected), ("found", found), ("remedy", remedy),
    ] {
      object[key] = .string(Self.shortened(text))
    }
    return .object(object)
  }

  /// What a log says of it: nothing that a client wrote, so a message only where the server itself failed.
  var metadata: Logger.Metadata {
    guard status.code >= 500 else { return ["code": "\(code)"] }
    let line = Self.shortened(message).map { $0.isNewline ? " " : $0 }
    return ["code": "\(code)", "message": "\(String(line))"]
  }

  var response: Response { Response(status: status, headers: headers, json: ["error": json]) }

  // What is quoted may be as long as a whole body.
  private static func shortened(_ text: String) -> String {
    text.utf8.count <= 2000 ? text : String(text.unicodeScalars.prefix(500)) + "…"
  }
}

extension APIError {
  /// HTTP response of a refusal of the queue.
  init(_ refusal: Refusal, timeout: Duration) {
    switch refusal {
    case .queueFull(let waiting, let limit, let amount, let seconds):
      self.init(
        .tooManyRequests, "queue_full", "Too many items wait already.", expected: "room for the items",
        found: "\(waiting) of \(limit) \(amount == .items ? "places" : "bytes of long texts") taken",
        remedy: "Try again in \(seconds) s.",
        headers: [.retryAfter: "\(seconds)"])
    case .tooMany(let count, let limit, let amount):
      self.init(
        .contentTooLarge, "too_many_items", "More items at once than the queue holds.",
        expected: "at most \(limit) \(amount == .items ? "items" : "bytes of long texts")", found: "\(count)",
        remedy: "Send them in several requests.")
    case .timedOut:
      self.init(
        .gatewayTimeout, "timeout", "The items were not rated in time and have been dropped.",
        expected: "an answer within \(timeout)", found: "none",
        remedy: "Send fewer items at once, or start the server with a longer --timeout.")
    case .cancelled:
      self.init(.init(code: 499, reasonPhrase: "Client Closed Request"), "client_gone", "The client went away.")
    case .shuttingDown:
      self.init(
        .serviceUnavailable, "shutting_down", "The server is shutting down.", remedy: "Ask another one.",
        headers: [.connection: "close"])
    }
  }
}

extension Response {
  /// An answer in JSON; a server error where it holds a number that JSON cannot write.
  init(status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], json: JSON) {
    if let bad = json.notFinite {
      self =
        APIError(
          .internalServerError, "not_finite", "The model gave a number that is not finite.",
          expected: "a finite number at \(bad.place)", found: "\(bad.value)",
          remedy: "Its weights hold NaN or infinite numbers, or overflow: serve another checkpoint."
        ).response
      return
    }
    self.init(status: status, headers: headers, type: "application/json", text: json.text() + "\n")
  }

  /// An answer in a text format.
  init(status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], type: String, text: String) {
    var headers = headers
    headers[.contentType] = type
    headers[.cacheControl] = "no-store"
    headers[.xContentTypeOptions] = "nosniff"
    self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
