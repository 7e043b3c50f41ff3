// SPDX-License-Identifier: Apache-2.0
import CTorch
import Foundation

/// The processes of a run, which exchange tensors on the CPU by c10d's Gloo.
///
/// All call the same collectives in the same order, with tensors of the same size and type. Where one breaks, since a
/// process has died, failed or does not come within the limit, the others throw a ``ProcessFailure`` that names it.
public final class ProcessGroup {
  /// This process among the others.
  public let place: ProcessPlace
  /// For how long a collective waits for the others.
  public var limit: Duration { trouble.limit }
  let trouble: ProcessTrouble
  private let handle: ct_group

  /// This process, from 0.
  public var rank: Int { place.rank }
  /// How many there are.
  public var size: Int { place.size }

  /// Waits for all processes and connects them.
  ///
  /// - Parameters:
  ///   - introduction: versions and the like, in words: the same in all processes.
  ///   - joining: for how long to wait for the others.
  ///   - limit: for how long a collective waits.
  /// - Throws: ``ProcessFailure`` naming what is missing or differs.
  public init(
    _ place: ProcessPlace, introduction: String, joining: Duration = .seconds(120), limit: Duration = .seconds(600)
  ) throws {
    self.place = place
    let store: ProcessStore
    do {
      store = try ProcessStore(host: place.host, port: place.port, serves: place.keepsStore, limit: joining)
    } catch {
      throw place.unmet(error)
    }
    let generation = try Handshake(store: store, place: place, introduction: introduction, limit: joining).generation()
    trouble = ProcessTrouble(store: store, place: place, generation: generation, limit: limit)
    do {
      handle = try store.connect(generation, rank: place.rank, size: place.size, joining: joining, limit: limit)
    } catch {
      throw trouble.broken("\(error)", after: .zero)
    }
  }

  /// Waits for collectives under way.
  deinit { ct_group_free(handle) }

  /// Begins to sum a tensor over all processes, in place: the same bits in each. It may not be touched before the end.
  public func beginSum(_ tensor: Tensor) throws -> PendingCollective {
    try begin(tensor) { ct_group_sum(handle, $0, &$1) }
  }

  /// Sums a tensor over all processes, in place.
  public func sum(_ tensor: Tensor) throws { try beginSum(tensor).wait() }

  /// Copies a tensor of one process into that of all others.
  public func broadcast(_ tensor: Tensor, from root: Int = 0) throws {
    try begin(tensor) { ct_group_broadcast(handle, $0, Int32(root), &$1) }.wait()
  }

  /// The tensors `[…]` of all processes, as `[P, …]`, by rank.
  public func gather(_ tensor: Tensor) throws -> Tensor {
    let all = Tensor.zeros([size] + tensor.shape, dtype: tensor.dtype)
    try beginGather(tensor.contiguous(), into: all).wait()
    return all
  }

  /// Begins to gather the tensors of all processes, by rank.
  ///
  /// - Parameters:
  ///   - own: `[n]`, contiguous; it may be this process's part of `all`.
  ///   - all: `[P · n]`, contiguous.
  public func beginGather(_ own: Tensor, into all: Tensor) throws -> PendingCollective {
    try begin(own) { own, work in all.handle.map { ct_group_gather(handle, own, $0, &work) } ?? 1 }
  }

  /// Begins to give each process its part of a tensor, and to take from each what it has for this one. Neither may be
  /// touched before the end.
  ///
  /// - Parameters:
  ///   - parts: `[P, n]`, contiguous: the r-th row goes to process r.
  ///   - received: `[P, n]`: the r-th row is from process r.
  public func beginExchange(_ parts: Tensor, into received: Tensor) throws -> PendingCollective {
    try begin(parts) { parts, work in received.handle.map { ct_group_exchange(handle, parts, $0, &work) } ?? 1 }
  }

  /// The numbers of all processes, by rank; as many from each.
  public func gather(_ values: [Double]) throws -> [[Double]] {
    let all = try gather(Tensor(values)).values(of: Double.self)
    return (0..<size).map { Array(all[$0 * values.count..<($0 + 1) * values.count]) }
  }

  /// The texts of all processes, by rank.
  public func gather(_ text: String) throws -> [String] {
    let own = Array(text.utf8)
    let counts = try gather([Double(own.count)]).map { Int($0[0]) }, longest = max(counts.max() ?? 0, 1)
    let padded = own + [UInt8](repeating: 0, count: longest - own.count)
    let all = try gather(Tensor(padded)).values(of: UInt8.self)
    return counts.enumerated().map { rank, count in
      String(decoding: all[rank * longest..<rank * longest + count], as: UTF8.self)
    }
  }

  /// Waits until all are here.
  public func barrier() throws { _ = try gather([0]) }

  /// Leaves: the process that keeps the store stays until the others need it no more.
  public func leave() {
    let store = trouble.store, end = "\(trouble.generation)/all left"
    if (try? store.add("\(trouble.generation)/left")) == size { try? store.set(end, "") }
    if place.keepsStore { _ = try? store.get(end, within: .seconds(10)) }
  }

  /// The error of a collective: this process's own if an operation of it failed before, else who is to blame.
  fileprivate func broken(after waited: Duration) -> any Error {
    let error = TorchError.last()
    return Torch.hasFailed ? error : trouble.broken(error.description, after: waited)
  }

  private func begin(_ tensor: Tensor, _ call: (ct_tensor, inout ct_work?) -> Int32) throws -> PendingCollective {
    var work: ct_work?
    guard let own = tensor.handle, call(own, &work) == 0, let work else {
      throw broken(after: .zero)
    }
    return PendingCollective(work, of: self)
  }
}

/// A collective under way.
public final class PendingCollective {
  private let work: ct_work
  private let group: ProcessGroup
  private let start = ContinuousClock.now

  fileprivate init(_ work: ct_work, of group: ProcessGroup) { (self.work, self.group) = (work, group) }

  deinit { ct_work_free(work) }

  /// Waits for its end.
  ///
  /// - Throws: ``ProcessFailure`` naming the process that did not take part.
  public func wait() throws {
    guard ct_work_wait(work) == 0 else { throw group.broken(after: ContinuousClock.now - start) }
  }
}

extension ProcessPlace {
  /// That the store cannot be reached, in words.
  fileprivate func unmet(_ error: any Error) -> ProcessFailure {
    let words = "\(error)", at = "\(host):\(port)"
    if keepsStore, words.contains("EADDRINUSE") || words.lowercased().contains("address already in use") {
      return ProcessFailure(
        "process 0 cannot listen at \(at): another program has the port. Choose another MASTER_PORT.")
    }
    return ProcessFailure(
      "process \(rank) found no store at \(at), where \(isStoreElsewhere ? "the launcher" : "process 0") should keep it: is "
        + "MASTER_ADDR right, and can the port be reached?")
  }
}
