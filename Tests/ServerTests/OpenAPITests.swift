// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Server
import Testing

extension Serving {
  @Suite struct OpenAPITests {
    private func document(_ client: RouteClient) async throws -> JSON {
      let answer = try await client.ask("/openapi.json")
      return try JSON(parsing: answer.body, path: "openapi.json")
    }

    @Test func itDescribesExactlyTheRoutes() async throws {
      try await withRoutes { client in
        let table = Set(client.server.table.map { "\($0.method.lowercased()) \($0.path)" })
        guard case .object(let paths) = try await document(client)["paths"] else { throw NeverHappened() }
        var described: Set<String> = []
        for (path, item) in paths.members {
          guard case .object(let methods) = item else { throw NeverHappened() }
          for (method, _) in methods.members { described.insert("\(method) \(path)") }
        }
        #expect(described == table)
      }
    }

    private static let requests: [(path: String, body: String, status: Int)] = [
      ("/score", #"{"prompt":"p","response":"a"}"#, 200),
      ("/score", #"{"id":"x","prompt":"p","response":"a","attributes":false,"distribution":true}"#, 200),
      ("/score", #"{"prompt":"p","response":"a","facets":false}"#, 200),
      ("/score", #"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}"#, 200),
      ("/score", #"{"items":[{"id":1,"prompt":"p","response":"a"},{"prompt":"p","response":"too long"}]}"#, 200),
      ("/score", #"{"prompt":"p","response":"too long"}"#, 422), ("/score", #"{"prompt":"p"}"#, 400),
      ("/score", #"{"prompt":"p","response":"nan"}"#, 500),
      ("/rank", #"{"prompt":"p","responses":["a","b","too long"]}"#, 200),
      ("/rank", #"{"messages":[{"role":"user","content":"q"}],"responses":["a"]}"#, 200), ("/rank", "[]", 400),
    ]

    /// Bodies that are answered fit the schema of requests, those refused as malformed do not; answers fit theirs.
    @Test(arguments: requests) func requestsAndAnswersFitTheirSchemas(
      request: (path: String, body: String, status: Int)
    ) async throws {
      try await withRoutes { client in
        let schemas = Schemas(document: try await document(client))
        let operation = try #require(schemas.document["paths"]?[request.path]?["post"])
        let (status, json) = try await client.post(request.path, request.body)
        #expect(status == request.status)
        let body = try JSON(parsing: request.body, path: "")
        #expect(schemas.fits(body, try #require(operation["requestBody"])) == (status != 400))
        let answer = try #require(operation["responses"]?["\(status)"])
        #expect(schemas.fits(json, answer), "\(json.text()) does not fit \(answer.text())")
      }
    }

    @Test func theCheckerCanFail() async throws {
      try await withRoutes { client in
        let schemas = Schemas(document: try await document(client))
        let health = try #require(schemas.document["paths"]?["/health"]?["get"]?["responses"]?["200"])
        let answer = try await client.ask("/health")
        let right = try JSON(parsing: answer.body, path: "")
        #expect(schemas.fits(right, health))
        guard case .object(var object) = right else { throw NeverHappened() }
        object["status"] = "sleepy"
        #expect(!schemas.fits(.object(object), health))
        object["status"] = "ready"
        object["more"] = 1
        #expect(!schemas.fits(.object(object), health))
        #expect(!schemas.fits([:], health))
      }
    }
  }
}

/// As much of JSON Schema as the document uses.
private struct Schemas {
  let document: JSON

  /// Whether a value fits a schema, or what a response or request body says of JSON content.
  func fits(_ value: JSON, _ schema: JSON) -> Bool {
    if case .string(let reference) = schema["$ref"] { return fits(value, target(reference)) }
    if let content = schema["content"] { return fits(value, content["application/json"]?["schema"] ?? .null) }
    guard case .object(let keywords) = schema else { return false }
    return keywords.members.allSatisfy { keyword, rule in
      switch (keyword, rule) {
      case ("anyOf", .array(let choices)): return choices.contains { fits(value, $0) }
      case ("enum", .array(let choices)): return choices.contains(value)
      case ("type", .array(let types)): return types.contains { isType(value, $0) }
      case ("type", _): return isType(value, rule)
      case ("required", .array(let names)):
        return names.allSatisfy { name in if case .string(let key) = name { value[key] != nil } else { false } }
      case ("properties", _):
        return members(value).allSatisfy { key, member in rule[key].map { fits(member, $0) } ?? true }
      case ("additionalProperties", .bool): return members(value).allSatisfy { keywords["properties"]?[$0.key] != nil }
      case ("additionalProperties", _): return members(value).allSatisfy { fits($0.value, rule) }
      case ("items", _): return elements(value).allSatisfy { fits($0, rule) }
      case ("minItems", .int(let count)): return elements(value).count >= count
      case ("maxItems", .int(let count)): return elements(value).count <= count
      case ("minimum", .int(let least)):
        if case .double(let number) = value { return number >= Double(least) }
        if case .int(let number) = value { return number >= least }
        return true
      default: return ["description", "default", "deprecated", "maximum", "maxLength"].contains(keyword)
      }
    }
  }

  private func target(_ reference: String) -> JSON {
    reference.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] ?? .null }
  }

  private func members(_ value: JSON) -> [JSONObject.Member] {
    if case .object(let object) = value { object.members } else { [] }
  }

  private func elements(_ value: JSON) -> [JSON] { if case .array(let values) = value { values } else { [] } }

  private func isType(_ value: JSON, _ type: JSON) -> Bool {
    switch (value, type) {
    case (.null, "null"), (.bool, "boolean"), (.string, "string"), (.array, "array"), (.object, "object"),
      (.int, "integer"), (.int, "number"), (.double, "number"):
      return true
    default: return false
    }
  }
}
