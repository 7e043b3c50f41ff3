// SPDX-License-Identifier: Apache-2.0
import Foundation
import Server
import Testing

extension Serving {
  /// Programs in Python against a live server.
  @Suite struct ClientTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    private static let requests = Programs.python(with: "requests")
    private static let schemathesis = Programs.python(with: "schemathesis")

    @Test(.enabled(if: requests != nil, "no Python with requests")) func theRewardFunctionForTRL() async throws {
      try await withServer { live in
        let result = try await onThread {
          try Programs.run(
            Self.requests!, [Self.root + "/Examples/python/reward_server_trl.py"],
            environment: ["DIST2_REWARD_URL": "http://127.0.0.1:\(live.port)"], withErrors: true)
        }
        // "b" and "a", a conversation's "c", and one that cannot be rated.
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.hasSuffix("[10.5, 9.75, 11.25, None]\n"), "\(result.output)")
      }
    }

    /// Requests generated from the document, good and bad: every answer must be one that the document names, and what
    /// it forbids must be refused. (That a conversation ends with the right role is more than a schema can say, so not
    /// all that it allows is accepted.)
    @Test(.enabled(if: schemathesis != nil, "no Python with schemathesis")) func generatedRequests() async throws {
      try await withServer(RewardModelControl(), { $0.bodyLimit = 1 << 20 }) { live in
        let result = try await onThread {
          try Programs.run(
            Self.schemathesis!,
            [
              "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run",
              "http://127.0.0.1:\(live.port)/openapi.json", "--max-examples", "40", "--seed", "1", "--no-color",
              "--suppress-health-check", "all", "--exclude-checks", "positive_data_acceptance", "--generation-database",
              "none",
            ],
            withErrors: true)
        }
        #expect(result.status == 0, "\(result.output)")
      }
    }

    /// DIST2_TEST_SERVE=PORT serves until Ctrl-C, for a look by hand.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["DIST2_TEST_SERVE"] != nil, "only by hand"))
    func serve() async throws {
      var settings = ServerSettings()
      settings.port = Int(ProcessInfo.processInfo.environment["DIST2_TEST_SERVE"]!)!
      let server = try await RewardServer.load(settings) {
        TestRewardModel(RewardModelControl(delay: 0.005, remembers: false))
      }
      try await server.run { print($0) }
    }
  }
}
