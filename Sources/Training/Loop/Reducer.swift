// SPDX-License-Identifier: Apache-2.0
public import Torch
public import TorchNN

/// The processes that share a step, as one of them sees them.
///
/// The loop asks four things of it. ``rank``: what is drawn inside the model differs by process. ``gather(_:)``: before a
/// step the processes agree that they are at the same one, whether to go on, and on the denominators; after it on loss
/// and norm. ``gradients(of:in:)``: memory in which gradients add up over passes and processes, and which part of the
/// parameters this process updates, so that sums may begin while a backward pass runs. ``broadcast(_:)``: process 0
/// alone reads weights from checkpoints.
public protocol Reducer {
  /// This process among those that share a step, from 0.
  var rank: Int { get }

  /// The values that each process gives, by rank: the same in all of them.
  ///
  /// Sums, votes and comparisons are made of these in the order of ranks, so all processes come to the same bits.
  func gather(_ values: [Double]) throws -> [[Double]]

  /// Copies process 0's values into the tensors of the others.
  func broadcast(_ tensors: [Tensor]) throws

  /// The gradients of a module's trained parameters, summed over passes and processes. Asked for once, before the optimizer
  /// is made: the parameters may get other memory.
  func gradients(of parameters: [Tensor], in module: Module) -> any StepGradients
}

extension Reducer {
  /// Sums over all processes: element by element, the same bits in each.
  func sum(_ values: [Double]) throws -> [Double] { Self.sum(try gather(values)[...]) }

  /// The names that all processes give, in the order of ranks, each once.
  func union(_ names: [String]) throws -> [String] {
    let own = names.joined(separator: "\n").utf8.map(Double.init)
    let counts = try gather([Double(own.count)]).map { Int($0[0]) }, longest = counts.max() ?? 0
    let all = try gather(own + [Double](repeating: 0, count: longest - own.count))
    var seen = Set<String>()
    return zip(all, counts).flatMap { bytes, count in
      String(decoding: bytes[..<count].map { UInt8($0) }, as: UTF8.self).split(separator: "\n").map(String.init)
    }.filter { seen.insert($0).inserted }
  }

  /// Element by element, in order.
  static func sum(_ rows: ArraySlice<[Double]>) -> [Double] {
    rows.dropFirst().reduce(rows.first ?? []) { zip($0, $1).map(+) }
  }
}

/// One process: every sum is complete already.
public struct SingleProcess: Reducer {
  /// The only one.
  public let rank = 0

  /// No settings.
  public init() {}
  /// The values: there is one process.
  public func gather(_ values: [Double]) -> [[Double]] { [values] }
  /// Nothing: there are no others.
  public func broadcast(_ tensors: [Tensor]) {}
  /// Sums over passes alone.
  public func gradients(of parameters: [Tensor], in module: Module) -> any StepGradients {
    AccumulatedGradients(parameters)
  }
}
