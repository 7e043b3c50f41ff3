// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Files
import Foundation
package import Recipes
import Synchronization
import TokenData

/// A bounded queue before a reward model, which one thread owns: whatever waits is rated in batches of at most so many
/// tokens.
///
/// The reward model never waits for a batch to fill: it takes what is there, oldest first. Items with attributes and
/// without go into different batches, since they cost differently; the oldest item of all decides which kind is next,
/// and no item is passed over for a smaller one of its kind, so a long one cannot starve.
package final class Batcher: Sendable {
  /// Allowed values.
  package struct Limits: Sendable {
    /// Largest number of items that wait, those being rated not counted.
    package var queue: Int
    /// Most bytes of text that wait. Only what is beyond ``free`` of an item counts, so that short items are let in
    /// however many long ones wait.
    package var bytes: Int
    /// Largest number of tokens of a batch; an item that is longer is rated alone.
    package var tokens: Int
    /// From the submission to the answer.
    package var timeout: Duration

    package init(
      queue: Int = 1024, bytes: Int = 16 << 20, tokens: Int = 4096, timeout: Duration = .seconds(30)
    ) {
      (self.queue, self.bytes, self.tokens, self.timeout) = (queue, bytes, tokens, timeout)
    }

    /// Bytes of an item that do not count.
    static let free = 4096
  }

  /// One submission, so that it can be cancelled from elsewhere, before it is made too.
  package final class Ticket: Sendable {
    fileprivate let isCancelled = Atomic(false)
    package init() {}
  }

  struct Item {
    let ticket: Ticket
    /// Which of its submission.
    let index: Int
    /// Its place among all items ever submitted.
    let serial: UInt64
    let request: RewardRequest
    let attributes: Bool
    /// Bytes of the queue.
    let bytes: Int
  }

  private enum Phase { case open, draining, stopped }

  private struct Pending {
    let ticket: Ticket
    let deadline: ContinuousClock.Instant
    let continuation: CheckedContinuation<[Outcome], any Error>
    var outcomes: [Outcome?]
    var missing: Int
  }

  private struct State {
    var waiting: [Item] = []
    var pending: [ObjectIdentifier: Pending] = [:]
    var phase = Phase.open
    var serial: UInt64 = 0
    var isRewardModelIdle = false
    var isTimerSet = false
    /// Running mean, for Retry-After.
    var secondsPerItem = 0.05
  }

  /// Description of the reward model.
  package let model: ModelDescription
  let limits: Limits
  let metrics: ServerMetrics
  private let state = Mutex(State())
  private let wakeUp = DispatchSemaphore(value: 0)
  private let isEnded = Atomic(false)
  private let timers = DispatchQueue(label: "deadlines")

  private init(model: ModelDescription, limits: Limits, metrics: ServerMetrics) {
    (self.model, self.limits, self.metrics) = (model, limits, metrics)
  }

  /// Makes the reward model on a thread of its own, which rates until ``stop()``.
  ///
  /// - Throws: what `makeRewardModel` throws.
  package static func start(
    _ limits: Limits, metrics: ServerMetrics, makeRewardModel: @escaping @Sendable () throws -> any RewardModel
  ) async throws -> Batcher {
    try await withCheckedThrowingContinuation { continuation in
      do {
        try Threads.detach(stack: 16 << 20) {
          do {
            try live(limits, metrics, makeRewardModel) { continuation.resume(returning: $0) }.isEnded
              .store(true, ordering: .sequentiallyConsistent)
          } catch {
            continuation.resume(throwing: error)
          }
        }
      } catch {
        continuation.resume(throwing: error)
      }
    }
  }

  /// All that the reward model's thread does. The reward model is gone when it returns.
  private static func live(
    _ limits: Limits, _ metrics: ServerMetrics, _ makeRewardModel: () throws -> any RewardModel,
    _ ready: (Batcher) -> Void
  ) throws -> Batcher {
    let rewardModel = try makeRewardModel()
    let batcher = Batcher(model: ModelDescription(rewardModel), limits: limits, metrics: metrics)
    ready(batcher)
    batcher.work(rewardModel)
    return batcher
  }

  /// The number of items that wait.
  package var waiting: Int { state.withLock { $0.waiting.count } }
  /// Whether new submissions are taken.
  package var isOpen: Bool { state.withLock { $0.phase == .open } }

  // MARK: Submitting

  /// Rates requests; one outcome each, in order.
  ///
  /// - Throws: `Refusal`.
  package func outcomes(
    of requests: [RewardRequest], attributes: Bool, ticket: Ticket = Ticket()
  ) async throws -> [Outcome] {
    // What is far too long never waits, and costs nobody else anything.
    var outcomes = requests.map(screened)
    let rest = outcomes.indices.filter { outcomes[$0] == nil }
    if requests.count <= limits.queue { metrics.refusedItems(requests.count - rest.count) }
    guard !rest.isEmpty else { return outcomes.compactMap { $0 } }
    let rated = try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        admit(rest.map { requests[$0] }, attributes: attributes, ticket, continuation)
      }
    } onCancel: {
      cancel(ticket)
    }
    for (index, outcome) in zip(rest, rated) { outcomes[index] = outcome }
    return outcomes.compactMap { $0 }
  }

  private func screened(_ request: RewardRequest) -> Outcome? {
    do throws(InputError) {
      try model.screen?.check(request)
      return nil
    } catch {
      return .failure(.refused(error))
    }
  }

  /// Takes a submission's items out of the queue. A batch that is being rated goes on without a listener.
  package func cancel(_ ticket: Ticket) {
    ticket.isCancelled.store(true, ordering: .sequentiallyConsistent)
    finish([ticket], with: .cancelled)
  }

  private func admit(
    _ requests: [RewardRequest], attributes: Bool, _ ticket: Ticket,
    _ continuation: CheckedContinuation<[Outcome], any Error>
  ) {
    let deadline = ContinuousClock.now + limits.timeout
    let bytes = requests.map { max(0, $0.bytes - Limits.free) }
    let refusal = state.withLock { state -> Refusal? in
      if let refusal = whatForbids(requests.count, bytes.reduce(0, +), ticket, state) { return refusal }
      state.pending[ObjectIdentifier(ticket)] = Pending(
        ticket: ticket, deadline: deadline, continuation: continuation,
        outcomes: Array(repeating: nil, count: requests.count), missing: requests.count)
      for (index, request) in requests.enumerated() {
        state.waiting.append(
          Item(
            ticket: ticket, index: index, serial: state.serial, request: request, attributes: attributes,
            bytes: bytes[index]))
        state.serial += 1
      }
      if state.isRewardModelIdle {
        state.isRewardModelIdle = false
        wakeUp.signal()
      }
      setTimer(&state)
      return nil
    }
    if let refusal { refuse(continuation, refusal) }
  }

  private func whatForbids(_ count: Int, _ bytes: Int, _ ticket: Ticket, _ state: State) -> Refusal? {
    if state.phase != .open { return .shuttingDown }
    if ticket.isCancelled.load(ordering: .sequentiallyConsistent) { return .cancelled }
    if count > limits.queue { return .tooMany(count, limit: limits.queue) }
    if bytes > limits.bytes { return .tooMany(bytes, limit: limits.bytes, of: .bytes) }
    let seconds = (Double(state.waiting.count) * state.secondsPerItem).rounded(.up)
    let retry = Int(min(max(seconds, 1), 60))
    if state.waiting.count + count > limits.queue {
      return .queueFull(waiting: state.waiting.count, limit: limits.queue, retryAfter: retry)
    }
    let held = bytes == 0 ? 0 : state.waiting.reduce(0) { $0 + $1.bytes }
    if held + bytes > limits.bytes {
      return .queueFull(waiting: held, limit: limits.bytes, of: .bytes, retryAfter: retry)
    }
    return nil
  }

  private func refuse(_ continuation: CheckedContinuation<[Outcome], any Error>, _ refusal: Refusal) {
    metrics.refused(refusal)
    continuation.resume(throwing: refusal)
  }

  private func finish(_ tickets: [Ticket], with refusal: Refusal) {
    let ended = state.withLock { state -> [Pending] in
      let ended = tickets.compactMap { state.pending.removeValue(forKey: ObjectIdentifier($0)) }
      if !ended.isEmpty { state.waiting.removeAll { state.pending[ObjectIdentifier($0.ticket)] == nil } }
      return ended
    }
    for pending in ended { refuse(pending.continuation, refusal) }
  }

  // MARK: Deadlines

  // All deadlines lie equally far ahead, so one timer, set for the first of them, serves all: it costs nothing while
  // nobody waits, and an answered submission leaves nothing behind.
  private func setTimer(_ state: inout State) {
    guard !state.isTimerSet, let first = state.pending.values.map(\.deadline).min() else { return }
    state.isTimerSet = true
    let seconds = max((first - ContinuousClock.now) / .seconds(1), 0)
    timers.asyncAfter(deadline: .now() + seconds) { [weak self] in self?.expire() }
  }

  private func expire() {
    let now = ContinuousClock.now
    let late = state.withLock { state in state.pending.values.filter { $0.deadline <= now }.map(\.ticket) }
    finish(late, with: .timedOut)
    state.withLock { state in
      state.isTimerSet = false
      setTimer(&state)
    }
  }

  // MARK: Ending

  /// Takes nothing new and waits until all is answered; what is not within `limit` is refused.
  package func drain(within limit: Duration) async {
    let end = ContinuousClock.now + limit
    state.withLock { state in if state.phase == .open { state.phase = .draining } }
    while ContinuousClock.now < end, !state.withLock(\.pending.isEmpty) {
      try? await Task.sleep(for: .milliseconds(5))
    }
    finish(state.withLock { state in state.pending.values.map(\.ticket) }, with: .shuttingDown)
  }

  /// Refuses what waits and ends the reward model's thread after the batch it is at.
  package func stop() {
    state.withLock { $0.phase = .stopped }
    finish(state.withLock { state in state.pending.values.map(\.ticket) }, with: .shuttingDown)
    wakeUp.signal()
  }

  /// As ``stop()``, and waits until the reward model is gone, at most for `limit`.
  package func stop(within limit: Duration) async {
    stop()
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end, !isEnded.load(ordering: .sequentiallyConsistent) {
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  // MARK: For the reward model's thread

  var isStopped: Bool { state.withLock { $0.phase == .stopped } }

  /// Blocks until there may be something to do.
  func waitForWork() { wakeUp.wait() }

  /// The oldest items of the oldest one's kind, without taking them; none if the reward model may rest.
  func candidates(_ limit: Int) -> [Item] {
    state.withLock { state in
      guard let first = state.waiting.first else {
        state.isRewardModelIdle = true
        return []
      }
      return Array(state.waiting.lazy.filter { $0.attributes == first.attributes }.prefix(limit))
    }
  }

  /// Whether somebody waits for an item still.
  func isWanted(_ item: Item) -> Bool { state.withLock { $0.pending[ObjectIdentifier(item.ticket)] != nil } }

  /// Takes the items that nobody cancelled meanwhile.
  func claim(_ items: [Item]) -> [Item] {
    let wanted = Set(items.map(\.serial))
    return state.withLock { state in
      let claimed = state.waiting.filter { wanted.contains($0.serial) }
      state.waiting.removeAll { wanted.contains($0.serial) }
      return claimed
    }
  }

  /// Hands outcomes to those who wait for them.
  func deliver(_ outcomes: [(item: Item, outcome: Outcome)], seconds: Double) {
    guard !outcomes.isEmpty else { return }
    let complete = state.withLock { state -> [Pending] in
      state.secondsPerItem += 0.1 * (seconds / Double(outcomes.count) - state.secondsPerItem)
      return outcomes.compactMap { item, outcome in
        let key = ObjectIdentifier(item.ticket)
        state.pending[key]?.outcomes[item.index] = outcome
        state.pending[key]?.missing -= 1
        return state.pending[key]?.missing == 0 ? state.pending.removeValue(forKey: key) : nil
      }
    }
    for pending in complete { pending.continuation.resume(returning: pending.outcomes.compactMap { $0 }) }
  }
}

extension RewardRequest {
  /// UTF-8 bytes of all its texts.
  fileprivate var bytes: Int { messages.reduce(response.utf8.count) { $0 + $1.content.utf8.count } }
}
