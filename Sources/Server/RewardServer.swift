import Files
package import Hummingbird
import HummingbirdCore
import Logging
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
  private let log: (@Sendable (String) -> Void)?

  /// Makes the reward model on the thread that will own it.
  ///
  /// - Parameters:
  ///   - log: gets a line for each request answered; nil for no log.
  ///   - makeJudge: called once.
  /// - Throws: `InputError` for settings that cannot be; what `makeRewardModel` throws.
  public static func load(
    _ settings: ServerSettings, log: (@Sendable (String) -> Void)? = nil,
    makeRewardModel: @escaping @Sendable () throws -> any RewardModel
  ) async throws -> RewardServer {
    try settings.check()
    let limits = Batcher.Limits(
      queue: settings.queue, bytes: 4 * settings.bodyLimit, tokens: settings.tokenBudget, timeout: settings.timeout)
    let batcher = try await Batcher.start(limits, metrics: ServerMetrics(), makeRewardModel: makeRewardModel)
    let routes = RewardRoutes(
      batcher: batcher, connections: Connections(), bodies: BodyBudget(16 * settings.bodyLimit),
      bodyLimit: settings.bodyLimit)
    return RewardServer(settings: settings, routes: routes, log: log)
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
        .init(service: application), .init(service: Drain(batcher: routes.batcher, limit: settings.drainTimeout)),
      ],
      gracefulShutdownSignals: [.sigint, .sigterm], logger: application.logger)
    configuration.maximumGracefulShutdownDuration =
      settings.drainTimeout + settings.readTimeout + settings.writeTimeout + .seconds(5)
    let group = ServiceGroup(configuration: configuration)
    let stopping = Task {
      guard let stop else { return }
      for await _ in stop { await group.triggerGracefulShutdown() }
    }
    defer { stopping.cancel() }
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
    // What goes wrong outside any request, such as connections that cannot be accepted: standard output is for the
    // address.
    var logger = Logger(label: "dist2.serve") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .error
    let (settings, routes) = (settings, routes)
    return Application(
      responder: Responder(
        routes: routes.all, admission: Admission(settings), token: settings.token.map { BearerToken($0) },
        metrics: routes.batcher.metrics,
        log: log),
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
        onReady("http://\(host):\(channel.localAddress?.port ?? settings.port)")
      },
      logger: logger)
  }
}

/// Empties the queue when the server is told to stop.
private struct Drain: ServiceLifecycle.Service {
  let batcher: Batcher
  let limit: Duration

  func run() async throws {
    try? await gracefulShutdown()
    await batcher.drain(within: limit)
  }
}
