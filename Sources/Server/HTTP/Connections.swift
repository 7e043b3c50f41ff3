// SPDX-License-Identifier: Apache-2.0
import NIOCore
import Synchronization

/// The open connections, and who wants to know of their end.
///
/// One slot a connection, not a callback on the channel's future: those would pile up over the requests of a
/// connection that is kept alive.
final class Connections: Sendable {
  private struct State {
    var listeners: [ObjectIdentifier: (@Sendable () -> Void)?] = [:]
    var hasServed = false
  }

  private let state = Mutex(State())

  /// How many are open.
  var count: Int { state.withLock { $0.listeners.count } }

  func opened(_ channel: any Channel) {
    state.withLock { state in
      state.listeners[ObjectIdentifier(channel)] = .some(nil)
      state.hasServed = true
    }
  }

  /// The other side is gone, or wants no answer any more.
  func closed(_ channel: any Channel) {
    let listener = state.withLock { $0.listeners.removeValue(forKey: ObjectIdentifier(channel)) }
    if let listener { listener?() }
  }

  /// Calls `listener` when the connection ends, at once if it has ended; nil forgets the last one.
  ///
  /// Where no connection was ever opened, requests come from a test of the routes and have none.
  func whenClosed(_ channel: any Channel, _ listener: (@Sendable () -> Void)?) {
    let isClosed = state.withLock { state in
      guard state.listeners[ObjectIdentifier(channel)] != nil else { return state.hasServed }
      state.listeners[ObjectIdentifier(channel)] = .some(listener)
      return false
    }
    if isClosed { listener?() }
  }
}
