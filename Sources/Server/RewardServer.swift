// SPDX-License-Identifier: Apache-2.0
import Files
package import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import Recipes
import ServiceLifecycle
import UnixSignals

/// A reward model behind HTTP: `dist2 serve`.
///
///     let server = try await RewardServer.load(settings) { try loadJudge(…) }
///     try await server.run { print("listening on \($0)") }
public struct RewardServer: Sendable {
  private let settings: ServerSettings
  private let routes: RewardRoutes
  private let logger: Logger

  /// Makes the reward model on the thread that will own it.
  ///
  /// - Parameters:
  ///   - logger: told of start and stop (info), of each request (debug), and of refusals and failures (warning); nil for
  ///     no log. Nothing that a client wrote is logged.
  ///   - makeJudge: called once.
  /// - Throws: `InputError` for settings that cannot be; what `makeRewardModel` throws.
  public static func load(
    _ settings: ServerSettings, logger: Logger? = nil,
    makeRewardModel: @escaping @Sendable () throws -> any RewardModel
  ) async throws -> RewardServer {
    try settings.check()
    let limits = Batcher.Limits(
      queue: settings.queue, bytes: 4 * settings.bodyLimit, tokens: settings.tokenBudget, timeout: settings.timeout)
    let batcher = try await Batcher.start(limits, metrics: ServerMetrics(), makeRewardModel: makeRewardModel)
    let logger = logger ?? Logger(label: "dist2.serve") { _ in SwiftLogNoOpLogHandler() }
    let routes = RewardRoutes(
      batcher: batcher, connections: Connections(), bodies: BodyBudget(16 * settings.bodyLimit),
      bodyLimit: settings.bodyLimit, logger: logger)
    return RewardServer(settings: settings, routes: routes, logger: logger)
  }

  /// The model's name.
  public var name: String { routes.batcher.model.name }
  /// Names of its attributes.
  public var attributes: [String] { routes.batcher.model.attributes.map(\.name) }
  /// Method and path of everything that is answered.
  package var table: [(method: String, path: String)] { routes.all.map { ($0.method.rawValue, $0.path) } }
  /// The queue before the model.
  package var batcher: Batcher { routes.batcher }

  /// Serves until SIGINT or SIGTERM (or `stop`, for tests): then takes nothing new, answers what is queued for as long
  /// as `drainTimeout` allows, and returns.
  ///
  /// - Parameter onReady: called with the address once the server listens.
  /// - Throws: `InputError` if the address cannot be listened on.
  public func run(onReady: @escaping @Sendable (String) -> Void) async throws {
    try await run(stop: nil, onReady: onReady)
  }

  package func run(stop: AsyncStream<Void>?, onReady: @escaping @Sendable (String) -> Void) async throws {
    let application = application(onReady: onReady)
    // Shut down from the last to the first: the queue is emptied while the server still says 503 to newcomers.
    var configuration = ServiceGroupConfiguration(
      services: [
        .init(service: application),
        .init(service: Drain(batcher: routes.batcher, limit: settings.drainTimeout, logger: logger)),
      ],
      gracefulShutdownSignals: [.sigint, .sigterm], logger: application.logger)
    configuration.maximumGracefulShutdownDuration =
      settings.drainTimeout + settings.readTimeout + settings.writeTimeout + .seconds(5)
    let group = ServiceGroup(configuration: configuration)
    let stopping = Task {
      guard let stop else { return }
      for await _ in stop { await group.triggerGracefulShutdown() }
    }
    defer {
      stopping.cancel()
      logger.info("stopped")
    }
    do {
      try await group.run()
    } catch {
      await routes.batcher.stop(within: .seconds(2))
      throw (error as? IOError).map(cannotListen) ?? error
    }
    await routes.batcher.stop(within: .seconds(2))
  }

  private func cannotListen(_ error: IOError) -> any Error {
    InputError(
      path: "<arguments>", place: "\(settings.host):\(settings.port)", expected: "an address to listen on",
      found: "\(error)", remedy: "Choose another --port (0 for any that is free) or --host.")
  }

  /// The server as Hummingbird has it.
  package func application(onReady: @escaping @Sendable (String) -> Void = { _ in }) -> some ApplicationProtocol {
    let (settings, routes, logger) = (settings, routes, logger)
    // From the layers below, what goes wrong outside any request, such as connections that cannot be accepted.
    var errors = logger
    errors.logLevel = max(logger.logLevel, .error)
    return Application(
      responder: Responder(
        routes: routes.all, admission: Admission(settings), token: settings.token.map { BearerToken($0) },
        metrics: routes.batcher.metrics,
        logger: logger),
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [
            ConnectionGuard(
              routes.connections, readTimeout: TimeAmount(settings.readTimeout),
              writeTimeout: TimeAmount(settings.writeTimeout))
          ],
          idleTimeout: TimeAmount(settings.idleTimeout),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))),
      configuration: .init(
        address: .hostname(settings.host, port: settings.port),
        availableConnectionsDelegate: MaximumAvailableConnections(settings.connections)),
      onServerRunning: { channel in
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        let address = "http://\(host):\(channel.localAddress?.port ?? settings.port)"
        logger.info("listening", metadata: ["address": "\(address)", "model": "\(routes.batcher.model.name)"])
        onReady(address)
      },
      logger: errors)
  }
}

/// Empties the queue when the server is told to stop.
private struct Drain: ServiceLifecycle.Service {
  let batcher: Batcher
  let limit: Duration
  let logger: Logger

  func run() async throws {
    try? await gracefulShutdown()
    logger.info("stopping", metadata: ["waiting": "\(batcher.waiting)"])
    await batcher.drain(within: limit)
  }
}
