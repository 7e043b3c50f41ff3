// SPDX-License-Identifier: Apache-2.0
import Torch

/// Gradients of some parameters on their way to the processes that update with them: they fill buckets, which go when they
/// are sent, and of which this process keeps the sum of its share.
final class DepartingGradients {
  let layout: BucketLayout
  private let parameters: [Tensor]
  /// The step's sums of this process's share, by bucket.
  private let shares: [Tensor]
  private let sums: ShareSums

  /// Whether the step has brought a gradient, by parameter.
  private(set) var isThere: [Bool]
  /// Whether there is a gradient in the bucket that is filling, by parameter.
  private var isFilled: [Bool]
  /// Buckets that are filling, by number.
  private var filling: [Int: Tensor] = [:]
  /// Whether the step has brought a sum of it, by bucket.
  private var hasSum: [Bool]

  /// - Parameter sums: those of all buckets, of these and other parameters.
  init(_ parameters: [Tensor], _ layout: BucketLayout, _ sums: ShareSums) {
    (self.parameters, self.layout, self.sums) = (parameters, layout, sums)
    shares = layout.buckets.map { Tensor.zeros([$0.count / layout.size], dtype: $0.gradientType) }
    isThere = parameters.map { _ in false }
    isFilled = isThere
    hasSum = layout.buckets.map { _ in false }
  }

  /// Moves a gradient that backward has completed into its bucket.
  func collect(_ index: Int) {
    guard let gradient = parameters[index].grad else { return }
    let view = view(of: index)
    if isFilled[index] { view.add_(gradient) } else { view.copy_(gradient) }
    parameters[index].grad = nil
    (isFilled[index], isThere[index]) = (true, true)
  }

  /// A parameter's gradient in its bucket, which has memory from the first one on.
  private func view(of index: Int) -> Tensor {
    let place = layout.places[index], bucket = layout.buckets[place.bucket]
    let flat = filling[place.bucket] ?? Tensor.zeros([bucket.count], dtype: bucket.gradientType)
    filling[place.bucket] = flat
    return flat.narrow(0, place.start, place.count).view(place.shape)
  }

  /// Sends a bucket with all gradients that there are, and zeros where there is none.
  func send(_ number: Int) throws {
    let bucket = layout.buckets[number], share = shares[number], isFirst = !hasSum[number]
    noGrad { for index in bucket.parameters { collect(index) } }
    let flat = filling.removeValue(forKey: number) ?? Tensor.zeros([bucket.count], dtype: bucket.gradientType)
    for index in bucket.parameters { isFilled[index] = false }
    hasSum[number] = true
    try sums.begin(flat) { if isFirst { share.copy_($0) } else { share.add_($0) } }
  }

  /// Sends all buckets.
  func send() throws { for number in layout.buckets.indices { try send(number) } }

  /// The step's sum of a part of a parameter that is this process's, `[elements]`.
  func sum(of part: ParameterPart, rank: Int) -> Tensor { layout.view(of: part, inShares: shares, rank: rank) }

  /// Forgets them, for the next step.
  func clear() {
    filling = [:]
    for index in hasSum.indices { hasSum[index] = false }
    for index in parameters.indices {
      parameters[index].grad = nil
      (isFilled[index], isThere[index]) = (false, false)
    }
  }
}

/// Sums of shares under way, a few at once: each has its bucket's size in memory.
final class ShareSums {
  private let group: ProcessGroup
  private var underWay: [ShareSum] = []

  init(_ group: ProcessGroup) { self.group = group }

  /// Begins one; what an earlier one has brought is added up before there is more.
  func begin(_ flat: Tensor, take: @escaping (Tensor) -> Void) throws {
    if underWay.count >= ShareSum.atOnce { try underWay.removeFirst().wait() }
    underWay.append(try ShareSum(flat, group, take: take))
  }

  /// Waits for all.
  func finish() throws { while !underWay.isEmpty { try underWay.removeFirst().wait() } }

  /// Forgets those that nobody waits for any more.
  func clear() { underWay = [] }
}
