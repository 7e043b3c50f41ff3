// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Server
import Testing

extension Serving {
  @Suite struct RouteTests {
    @Test func scoreOfOneResponse() async throws {
      try await withRoutes { client in
        let (status, json) = try await client.post("/score", #"{"id":7,"prompt":"p","response":"b"}"#)
        #expect(status == 200)
        // 98 = 4 · 21 + 14; variance 3/16 · 14².
        let attributes: JSON = [
          "helpfulness": [
            "expectation": 1.5, "variance": 0.75, "standardDeviation": .double(0.75.squareRoot()), "mass": 0.875,
            "standard_deviation": .double(0.75.squareRoot()), "coverage": 0.875,
          ],
          "verbosity": [
            "expectation": 3.0, "variance": 3.0, "standardDeviation": .double(3.0.squareRoot()), "mass": 0.875,
            "standard_deviation": .double(3.0.squareRoot()), "coverage": 0.875,
          ],
        ]
        // `facets` is the name of earlier versions.
        #expect(
          json == [
            "id": 7, "score": 10.5, "model": "test judge",
            "overall": [
              "expectation": 10.5, "variance": 36.75, "standardDeviation": .double(36.75.squareRoot()), "mass": 0.875,
              "standard_deviation": .double(36.75.squareRoot()), "coverage": 0.875,
            ],
            "attributes": attributes, "facets": attributes,
          ])
      }
    }

    @Test func attributesAndDistributionOnRequest() async throws {
      try await withRoutes { client in
        let body = #"{"prompt":"p","response":"b","attributes":false,"distribution":true}"#
        let (_, json) = try await client.post("/score", body)
        #expect(json["attributes"] == nil)
        #expect(json["facets"] == nil)
        let (_, old) = try await client.post("/score", #"{"prompt":"p","response":"b","facets":false}"#)
        #expect(old["score"] == json["score"])
        #expect(old["attributes"] == nil)
        let values = (0...20).map { JSON.double(Double($0)) }
        #expect(json["overall"]?["values"] == .array(values))
        let probabilities = (0...20).map { JSON.double($0 == 0 ? 0.25 : $0 == 14 ? 0.75 : 0) }
        #expect(json["overall"]?["probabilities"] == .array(probabilities))
      }
    }

    /// The three ways to say the same.
    @Test(arguments: [
      #"{"prompt":"q","response":"b"}"#,
      #"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}"#,
      #"{"prompt":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"response":"b"}"#,
    ])
    func waysToAsk(body: String) async throws {
      try await withRoutes { client in
        let (status, json) = try await client.post("/score", body)
        #expect(status == 200)
        #expect(json["score"] == 10.5)
      }
    }

    @Test func aBatchKeepsGoingPastABadItem() async throws {
      try await withRoutes { client in
        let body = """
          {"items":[{"id":"x","prompt":"p","response":"b"},{"id":"y","prompt":"p","response":"too long"},
          {"prompt":"p","response":"a"}],"attributes":false}
          """
        let (status, json) = try await client.post("/score", body)
        guard status == 200, case .array(let items) = json["items"] else { throw NeverHappened() }
        #expect(items[0]["id"] == "x" && items[0]["score"] == 10.5 && items[0]["attributes"] == nil)
        #expect(items[1]["id"] == "y" && items[1]["score"] == nil && items[1]["error"]?["code"] == "unratable")
        #expect(items[1]["error"]?["remedy"] == "Shorten it.")
        #expect(items[2]["score"] == 9.75)
        #expect(json["model"] == "test judge")
        #expect(try await client.post("/score", #"{"items":[]}"#).json["items"] == [])
      }
    }

    @Test func anItemThatCannotBeRated() async throws {
      try await withRoutes { client in
        let (status, json) = try await client.post("/score", #"{"prompt":"p","response":"too long"}"#)
        #expect(status == 422)
        #expect(json["error"]?["code"] == "unratable")
        #expect(json["error"]?["found"] == "10")
        #expect(try await client.post("/score", #"{"prompt":"p","response":"nan"}"#).status == 500)
      }
    }

    @Test(arguments: [
      ("", "a JSON value"), ("{", "quotes"), ("[]", "an object"), (#"{"prompt":"p"}"#, "response"),
      (#"{"prompt":"p","respons":"r"}"#, "Did you mean response?"), (#"{"prompt":true,"response":"r"}"#, "prompt"),
      (#"{"prompt":"p","response":"r","attributes":1}"#, "attributes"),
      (#"{"prompt":"p","response":"r","id":{}}"#, "id"),
      (#"{"messages":[]}"#, "assistant"), (#"{"messages":[{"role":"user","content":"x"}]}"#, "assistant"),
      (#"{"messages":[{"role":"assistant","content":"x"}]}"#, "user"),
      (#"{"messages":[{"role":"robot","content":"x"}]}"#, "messages[0].role"),
      (#"{"items":[{"prompt":"p","response":"r"},{"prompt":"p"}]}"#, "items[1].response"),
      (#"{"items":[{"prompt":"p","response":"r","attributes":true}]}"#, "items[0].attributes"),
      (#"{"prompt":[],"response":"r"}"#, "user"), (#"{"prompt":"p","response":"\ud800"}"#, "surrogate"),
      (#"{"prompt":"p","response":"r","id":1e999}"#, "number"),
      (String(repeating: "[", count: 200_000), "nesting"),
      (#"{"prompt":"p","response":"r","response":"s"}"#, "response"),
      ("{\"" + String(repeating: "k", count: 100_000) + "\":1}", "another key"),
    ])
    func malformedBodies(body: String, hint: String) async throws {
      try await withRoutes { client in
        let (status, json) = try await client.post("/score", body)
        #expect(status == 400)
        #expect(json["error"]?["code"] == "malformed")
        let text = json.text()
        #expect(text.contains(hint), "\(text)")
        #expect(text.utf8.count < 4000, "\(text)")
      }
    }

    @Test func rankIsBestFirstAndStable() async throws {
      try await withRoutes { client in
        let body = #"{"prompt":"p","responses":["a","c","too long","b","c "," c"]}"#
        let (status, json) = try await client.post("/rank", body)
        // "c" is 99 = 15, "c " and " c" 131 = 5 modulo 21.
        let ranking: JSON = [
          ["index": 1, "score": 11.25], ["index": 3, "score": 10.5], ["index": 0, "score": 9.75],
          ["index": 4, "score": 3.75], ["index": 5, "score": 3.75],
        ]
        #expect(status == 200)
        #expect(json["ranking"] == ranking)
        guard case .array(let failed) = json["failed"] else { throw NeverHappened() }
        #expect(failed.count == 1 && failed[0]["index"] == 2 && failed[0]["error"]?["code"] == "unratable")
        #expect(try await client.post("/rank", #"{"prompt":"p","responses":[]}"#).status == 400)
        #expect(try await client.post("/rank", #"{"prompt":"p","responses":["too long"]}"#).status == 422)
        let chat = #"{"messages":[{"role":"user","content":"q"}],"responses":["a","b"]}"#
        #expect(
          try await client.post("/rank", chat).json["ranking"] == [
            ["index": 1, "score": 10.5], ["index": 0, "score": 9.75],
          ])
      }
    }

    @Test func healthSaysWhatTheModelGives() async throws {
      try await withRoutes { client in
        let answer = try await client.ask("/health")
        let json = try JSON(parsing: answer.body, path: "")
        #expect(answer.status == .ok)
        #expect(json["status"] == "ready")
        #expect(json["queue"] == ["waiting": 0, "limit": 1024])
        #expect(
          json["model"] == [
            "name": "test judge", "range": [0.0, 20.0],
            "attributes": [
              ["name": "helpfulness", "range": [0.0, 4.0]], ["name": "verbosity", "range": [0.0, 4.0]],
            ],
            "facets": [["name": "helpfulness", "range": [0.0, 4.0]], ["name": "verbosity", "range": [0.0, 4.0]]],
          ])
      }
    }

    @Test func wrongPathsAndMethods() async throws {
      try await withRoutes { client in
        let lost = try await client.ask("/scores")
        #expect(lost.status == .notFound)
        #expect(lost.body.contains("not_found"))
        let get = try await client.ask("/score")
        #expect(get.status == .methodNotAllowed)
        #expect(get.headers[.allow] == "POST, OPTIONS")
        let head = try await client.ask("/health", method: .head)
        #expect(head.status == .ok)
        #expect(head.body.isEmpty)
      }
    }

    @Test func tooManyItemsAndAFullQueue() async throws {
      try await withRoutes({ $0.queue = 2 }) { client in
        let item = #"{"prompt":"p","response":"a"}"#
        let (status, json) = try await client.post("/score", #"{"items":[\#(item),\#(item),\#(item)]}"#)
        #expect(status == 413)
        #expect(json["error"]?["code"] == "too_many_items")
      }
      try await withServer(RewardModelControl(shut: true), { $0.queue = 1 }) { live in
        async let first = live.post("/score", #"{"prompt":"p","response":"a"}"#)
        try await eventually { live.control.seen.count == 1 }
        async let second = live.post("/score", #"{"prompt":"p","response":"b"}"#)
        try await live.waits(for: 1)
        let third = try await live.post("/score", #"{"prompt":"p","response":"c"}"#)
        #expect(third?.status == 429)
        #expect(Int(third?.headers["retry-after"] ?? "") == 1)
        #expect(third?.body.contains("queue_full") == true)
        live.control.open()
        #expect(try await (first?.status, second?.status) == (200, 200))
      }
    }

    @Test func aRequestThatTakesTooLongIsGivenUp() async throws {
      try await withServer(RewardModelControl(shut: true), { $0.timeout = .milliseconds(100) }) { live in
        let answer = try await live.post("/score", #"{"prompt":"p","response":"a"}"#)
        #expect(answer?.status == 504)
        #expect(answer?.body.contains("timeout") == true)
      }
    }
  }
}

extension Serving {
  @Suite struct AccessTests {
    @Test func aTokenGuardsAllButHealth() async throws {
      try await withRoutes({ $0.token = "open sesame".replacingOccurrences(of: " ", with: "-") }) { client in
        func status(_ path: String, _ authorization: String?) async throws -> Int {
          try await client.ask(path, authorization: authorization).status.code
        }
        for path in ["/", "/metrics", "/openapi.json", "/score", "/nothing"] {
          #expect(try await status(path, nil) == 401)
          for wrong in ["Bearer open-sesam", "Bearer open-sesameX", "Bearer ", "Bearer", "open-sesame", "Basic !!", ""]
          {
            #expect(try await status(path, wrong) == 401)
          }
        }
        #expect(try await status("/health", nil) == 200)
        #expect(try await status("/metrics", "Bearer open-sesame") == 200)
        #expect(try await status("/metrics", "bearer open-sesame") == 200)
        let pair = Data("anyone:open-sesame".utf8).base64EncodedString()
        #expect(try await status("/", "Basic \(pair)") == 200)
        #expect(try await status("/nothing", "Bearer open-sesame") == 404)
        let page = try await client.ask("/")
        #expect(page.headers[.wwwAuthenticate]?.hasPrefix("Basic") == true)
        #expect(try await client.post("/score", "{").json["error"]?["code"] == "unauthorized")
      }
    }

    @Test func anOpenAddressNeedsAToken() {
      var settings = ServerSettings()
      settings.host = "0.0.0.0"
      let error = #expect(throws: InputError.self) { try settings.check() }
      #expect(error?.remedy.contains("DIST2_TOKEN") == true)
      settings.token = "short"
      #expect(throws: InputError.self) { try settings.check() }
      settings.token = "long-enough"
      #expect(throws: Never.self) { try settings.check() }
    }

    @Test func loopbackAddresses() {
      for host in ["127.0.0.1", "127.8.9.10", "localhost", "::1"] { #expect(ServerSettings.isLoopback(host)) }
      for host in ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.org", "127.0.0", "127.0.0.256", ""] {
        #expect(!ServerSettings.isLoopback(host))
      }
    }

    @Test func sizes() throws {
      #expect(try ServerSettings.bytes("4MiB", place: "") == 4_194_304)
      #expect(try ServerSettings.bytes("512kib", place: "") == 524_288)
      #expect(try ServerSettings.bytes("4000000", place: "") == 4_000_000)
      for bad in ["", "MiB", "-1", "4MB", "1e6", "99999999999999999999", "9999999GiB"] {
        #expect(throws: InputError.self) { try ServerSettings.bytes(bad, place: "--max-body") }
      }
    }
  }
}
