// SPDX-License-Identifier: Apache-2.0
public import ArgumentParser
import Files
import Foundation
public import Logging
import Recipes
import Server
import Synchronization

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve the scores of a reward model over HTTP.",
    discussion: """
      POST /score rates one response or many, POST /rank orders responses to one prompt; GET / is a page to try it on, \
      /openapi.json describes every field, /health and /metrics are for those who run it. Ctrl-C (or SIGTERM) answers \
      what is queued and ends. Others than this machine can be let in with --host, which then needs a token.
      """)
  @OptionGroup var model: ModelOptions
  @Option(help: "Address to listen on.") var host = "127.0.0.1"
  @Option(help: "Port to listen on; 0 for any that is free. Default: 8080.", transform: whole(0...65_535)) var port =
    8080
  @Option(help: "Token that clients must send as `Authorization: Bearer TOKEN`. Default: DIST2_TOKEN, if set.")
  var token: String?
  @Option(
    parsing: .singleValue,
    help: "A further name that clients may call the server by (their Host field), such as a proxy's. Repeatable.")
  var allowHost: [String] = []
  @Option(
    parsing: .singleValue,
    help: "An origin whose pages may use the server, such as http://localhost:3000. Repeatable.")
  var allowOrigin: [String] = []
  @Option(
    help: "Most responses that wait; beyond that, clients are told to come back (429). Default: 1024.",
    transform: whole(1...1_000_000)
  ) var queue = 1024
  @Option(
    help: "Seconds until a request that was not answered is given up (504). Default: 30.", transform: positive(86_400))
  var timeout = 30.0
  @Option(help: "Most tokens that the model reads at once.", transform: whole(OptionRange.counts)) var tokenBudget =
    4096
  @Option(help: "Largest body of a request.") var maxBody = "4MiB"
  @Option(
    help: ArgumentHelp(
      "What standard error gets: warning is refusals and failures, info also start and stop, debug each request.",
      valueName: "level")) var logLevel = Logger.Level.info

  func run() throws {
    let settings = try settings()
    let (run, step, overrides) = (model.run, model.step, model.overrides)
    var logger = Logger(label: "dist2.serve") { StreamLogHandler(label: $0, stream: ErrorStream()) }
    logger.logLevel = logLevel
    try waitFor { [logger] in
      let server = try await RewardServer.load(settings, logger: logger) {
        try loadRewardModel(run: run, step: step, overrides: overrides)
      }
      let attributes = server.attributes.isEmpty ? "none" : server.attributes.joined(separator: ", ")
      try await server.run { address in
        print("\(server.name) at \(address)\nattributes: \(attributes)")
      }
    }
    // Should the model be at a batch still, no destructor may run under it.
    _exit(0)
  }

  private func settings() throws -> ServerSettings {
    var settings = ServerSettings()
    (settings.host, settings.port, settings.queue) = (host, port, queue)
    (settings.allowedHosts, settings.allowedOrigins) = (allowHost, allowOrigin)
    settings.token = token ?? ProcessInfo.processInfo.environment["DIST2_TOKEN"]
    guard timeout.isFinite, abs(timeout) < 1e6 else {
      throw InputError(path: "<arguments>", place: "--timeout", expected: "seconds", found: "\(timeout)")
    }
    settings.timeout = .seconds(timeout)
    settings.tokenBudget = tokenBudget
    settings.bodyLimit = try ServerSettings.bytes(maxBody, place: "--max-body")
    try settings.check()
    return settings
  }

  /// Runs asynchronous work to its end on behalf of the main thread.
  private func waitFor(_ work: @escaping @Sendable () async throws -> Void) throws {
    let outcome = Mutex<Result<Void, any Error>>(.success(()))
    let done = DispatchSemaphore(value: 0)
    Task {
      do { try await work() } catch { outcome.withLock { $0 = .failure(error) } }
      done.signal()
    }
    done.wait()
    try outcome.withLock { $0 }.get()
  }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

/// Standard error by write(2): a reader that has gone ends neither a line's writer nor the server.
private struct ErrorStream: TextOutputStream, Sendable {
  mutating func write(_ text: String) { _ = ByteStream.standardError.tryWrite(text) }
}
