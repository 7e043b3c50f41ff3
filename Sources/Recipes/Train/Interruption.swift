// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Ctrl-C and the like: the first asks the run to stop between two steps, the second ends the process at once.
public enum Interruption {
  private static let count = Atomic<Int>(0)

  /// Whether the user, or the system, has asked the process to stop.
  public static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

  /// Listens for SIGINT and SIGTERM from now on.
  public static func listen() {
    _ = isRequested  // initialised here, not in the handler
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        if Interruption.count.wrappingAdd(1, ordering: .relaxed).newValue > 1 { _exit(130) }
      }
    }
  }
}
