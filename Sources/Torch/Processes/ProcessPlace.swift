// SPDX-License-Identifier: Apache-2.0

/// Which process of a run this is, and where the others are met.
public struct ProcessPlace: Sendable, Hashable {
  /// Its number, from 0.
  public var rank: Int
  /// How many there are.
  public var size: Int
  /// Its number among those of this machine.
  public var localRank: Int
  /// Machine and port of the store through which they find each other.
  public var host: String, port: Int
  /// Whether another program keeps the store (torchrun's agent, `dist2 train --processes`); otherwise process 0 does.
  public var isStoreElsewhere: Bool

  /// Memberwise.
  public init(rank: Int, size: Int, localRank: Int, host: String, port: Int, isStoreElsewhere: Bool = false) {
    precondition(size > 0 && (0..<size).contains(rank), "rank \(rank) of \(size) processes")
    (self.rank, self.size, self.localRank) = (rank, size, localRank)
    (self.host, self.port, self.isStoreElsewhere) = (host, port, isStoreElsewhere)
  }

  /// Whether this process keeps the store.
  public var keepsStore: Bool { rank == 0 && !isStoreElsewhere }
}

/// Why the processes of a run cannot go on together: one of them is not there, has gone, hangs, failed or differs.
public struct ProcessFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// One line that names the process at fault.
  public let description: String

  /// In words that name the process.
  public init(_ description: String) { self.description = description }
}
