// SPDX-License-Identifier: Apache-2.0
import Foundation
public import Torch

// One checker for all types of a protocol. Each returns what is broken, in words; an empty list means it holds.

/// Checks a distance matrix `[M][M]` against what every distance promises, and what this one claims besides.
public func checkDistance(
  _ matrix: [[Double]], symmetric: Bool, triangle: Bool, tolerance: Double = 1e-9
) -> [String] {
  var broken = [String]()
  for (x, row) in matrix.enumerated() {
    if row.count != matrix.count { return ["row \(x) has \(row.count) of \(matrix.count) entries"] }
    if row[x] != 0 { broken.append("d(\(x), \(x)) = \(row[x])") }
    for (y, d) in row.enumerated() {
      if !(d >= 0 && d.isFinite) { broken.append("d(\(x), \(y)) = \(d)") }
      if symmetric, abs(d - matrix[y][x]) > tolerance { broken.append("d(\(x), \(y)) = \(d), back \(matrix[y][x])") }
      guard triangle else { continue }
      for (z, row) in matrix.enumerated() where row.count > y && matrix[x][z] + row[y] < d - tolerance {
        broken.append("d(\(x), \(y)) = \(d) > \(matrix[x][z]) + \(row[y]) by way of \(z)")
      }
    }
  }
  return broken
}

/// Checks targets p `[M][M]` (row x is the target around x) against the distances they are made of: each is a
/// distribution, and never gives more mass to a candidate that is farther.
public func checkTargets(_ targets: [[Double]], distances: [[Double]], tolerance: Double = 1e-12) -> [String] {
  var broken = [String]()
  for (x, (p, d)) in zip(targets, distances).enumerated() {
    let sum = p.reduce(0, +)
    if !(abs(sum - 1) <= tolerance) { broken.append("target \(x) sums to \(sum)") }
    if let bad = p.first(where: { !($0 >= 0) }) { broken.append("target \(x) holds \(bad)") }
    let order = d.indices.sorted { d[$0] < d[$1] }
    for (near, far) in zip(order, order.dropFirst()) where p[far] > p[near] + tolerance {
      broken.append("target \(x) gives \(p[far]) to \(far) at \(d[far]), but \(p[near]) to \(near) at \(d[near])")
    }
  }
  return broken
}

/// Gradient of a scalar function by central differences, entry by entry. Inputs are float64; the function must not
/// keep them.
public func numericGradients(
  of function: ([Tensor]) -> Tensor, at inputs: [Tensor], step: Double = 1e-5
) -> [[Double]] {
  noGrad {
    let values = inputs.map { $0.detach().array(of: Double.self) }
    return inputs.indices.map { which in
      values[which].indices.map { entry in
        func moved(_ by: Double) -> Double {
          let moved = inputs.indices.map { index in
            var copy = values[index]
            if index == which { copy[entry] += by }
            return Tensor(copy, shape: inputs[index].shape)
          }
          return function(moved).item()
        }
        return (moved(step) - moved(-step)) / (2 * step)
      }
    }
  }
}

/// Checks a differentiable scalar function: its gradients are finite and equal central differences.
public func checkGradients(
  of function: ([Tensor]) -> Tensor, at inputs: [Tensor], tolerance: Double = 1e-7
) -> [String] {
  let leaves = inputs.map { $0.detach().clone().requiresGrad(true) }
  let exact = gradients(of: [function(leaves)], withRespectTo: leaves)
  let numeric = numericGradients(of: function, at: inputs)
  return zip(exact, numeric).enumerated().compactMap { index, pair in
    let analytic = pair.0?.array(of: Double.self) ?? pair.1.map { _ in 0 }
    let worst = largestDifference(analytic, pair.1)
    return worst <= tolerance ? nil : "gradient of input \(index) is off by \(worst)"
  }
}

/// Largest |a − b|; infinite if the counts differ or something is not a number.
public func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { worst, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(worst, difference)
  }
}
