// SPDX-License-Identifier: Apache-2.0
import Files
import HTTPTypes
import Hummingbird
import Logging
import Recipes

/// State that the routes share.
struct RewardRoutes: Sendable {
  let batcher: Batcher
  let connections: Connections
  let bodies: BodyBudget
  let bodyLimit: Int
  let logger: Logger
  let started = ContinuousClock.now

  /// Everything that the server answers; `OpenAPI.text` describes it.
  var all: [Route] {
    [
      Route(method: .post, path: "/score", answer: score),
      Route(method: .post, path: "/rank", answer: rank),
      Route(method: .get, path: "/health", isOpen: true) { _, _ in health },
      Route(method: .get, path: "/metrics") { _, _ in
        Response(type: "text/plain; version=0.0.4; charset=utf-8", text: metricsText)
      },
      Route(method: .get, path: "/openapi.json") { _, _ in
        Response(type: "application/json", text: OpenAPI.text(bodyLimit: bodyLimit, itemLimit: batcher.limits.queue))
      },
      Route(method: .get, path: "/") { _, _ in
        Response(
          headers: [.contentSecurityPolicy: Page.policy], type: "text/html; charset=utf-8", text: Page.text)
      },
    ]
  }

  @Sendable private func score(_ request: Request, _ context: ConnectionContext) async throws -> Response {
    let call = try ScoreCall(try await request.json(limit: bodyLimit, bodies))
    let outcomes = try await outcomes(of: call.items.map(\.request), attributes: call.attributes, context)
    let answers = zip(call.items, outcomes).map { item, outcome in
      outcome.map { $0.json(id: item.id, attributes: call.attributes, distribution: call.distribution) }
        .mapError { APIError($0) }
    }
    if !call.isBatch {
      var object = try answers[0].get()
      object["model"] = .string(batcher.model.name)
      return Response(json: .object(object))
    }
    let items = zip(call.items, answers).map { item, answer -> JSON in
      switch answer {
      case .success(let object): return .object(object)
      case .failure(let error):
        logger.warning("item not rated", metadata: error.metadata)
        var object = JSONObject()
        object["id"] = item.id
        object["error"] = error.json
        return .object(object)
      }
    }
    return Response(json: ["items": .array(items), "model": .string(batcher.model.name)])
  }

  @Sendable private func rank(_ request: Request, _ context: ConnectionContext) async throws -> Response {
    let call = try RankCall(try await request.json(limit: bodyLimit, bodies))
    let outcomes = try await outcomes(of: call.requests, attributes: false, context)
    var rated: [(index: Int, score: Double)] = [], failed: [JSON] = []
    for (index, outcome) in outcomes.enumerated() {
      switch outcome {
      case .success(let reward): rated.append((index, reward.overall.expectation))
      case .failure(let failure):
        let error = APIError(failure)
        if outcomes.count == 1 { throw error }
        logger.warning("item not rated", metadata: error.metadata)
        failed.append(["index": .int(index), "error": error.json])
      }
    }
    // Equal scores keep the order of the input.
    rated.sort { ($1.score, $0.index) < ($0.score, $1.index) }
    let ranking = rated.map { ["index": .int($0.index), "score": .double($0.score)] as JSON }
    return Response(
      json: ["ranking": .array(ranking), "failed": .array(failed), "model": .string(batcher.model.name)])
  }

  /// Asks the batcher on behalf of a connection: when that ends, nothing is computed for it any more.
  private func outcomes(
    of requests: [RewardRequest], attributes: Bool, _ context: ConnectionContext
  ) async throws -> [Outcome] {
    let ticket = Batcher.Ticket()
    connections.whenClosed(context.channel) { batcher.cancel(ticket) }
    defer { connections.whenClosed(context.channel, nil) }
    do {
      return try await batcher.outcomes(of: requests, attributes: attributes, ticket: ticket)
    } catch let refusal as Refusal {
      throw APIError(refusal, timeout: batcher.limits.timeout)
    }
  }

  private var uptime: Double { (ContinuousClock.now - started) / .seconds(1) }

  private var health: Response {
    let isOpen = batcher.isOpen
    return Response(
      status: isOpen ? .ok : .serviceUnavailable,
      json: [
        "status": isOpen ? "ready" : "shutting down", "model": batcher.model.json, "uptime_seconds": .double(uptime),
        "queue": ["waiting": .int(batcher.waiting), "limit": .int(batcher.limits.queue)],
      ])
  }

  private var metricsText: String {
    batcher.metrics.text(
      waiting: batcher.waiting, queueLimit: batcher.limits.queue, connections: connections.count, uptime: uptime)
  }
}
