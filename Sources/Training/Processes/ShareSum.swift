// SPDX-License-Identifier: Apache-2.0
import Torch

/// A sum over processes under way.
protocol PendingSum: AnyObject {
  /// Waits for its end.
  func wait() throws
}

extension PendingCollective: PendingSum {}

/// The sum over processes of this one's share of a bucket: each sends the others their shares, and adds what it gets in
/// the order of ranks, so that a sum's bits depend on the number of processes alone.
///
/// Gloo's own reduce-scatter moves as many bytes as an all-reduce; this moves half of that.
final class ShareSum: PendingSum {
  /// How many may be under way: each has its bucket's size in memory.
  static let atOnce = 2

  /// What is received, by rank, while it is under way; c10d holds that memory as long as the exchange lives.
  private var underWay: (exchange: PendingCollective, received: [Tensor])?
  private let take: (Tensor) -> Void

  /// - Parameters:
  ///   - flat: the bucket, which may not be touched before the end.
  ///   - take: gets the sum, `[share]`.
  init(_ flat: Tensor, _ group: ProcessGroup, take: @escaping (Tensor) -> Void) throws {
    let rows = Tensor.empty([group.size, flat.count / group.size], dtype: flat.dtype)
    self.take = take
    let exchange = try group.beginExchange(flat.view(rows.shape), into: rows)
    underWay = (exchange, (0..<group.size).map { rows.select(0, $0) })
  }

  func wait() throws {
    guard let (exchange, shares) = underWay else { return }
    try exchange.wait()
    underWay = nil
    noGrad {
      for other in shares.dropFirst() { shares[0].add_(other) }
      take(shares[0])
    }
  }
}
