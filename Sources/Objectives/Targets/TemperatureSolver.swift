// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Torch

/// Turns a `Temperature` into numbers.
struct TemperatureSolver {
  let distance: any Distance
  let space: TokenSpace

  /// Distances `[n, M]`, float64.
  func rows(_ candidates: [Int]) -> Tensor {
    distance.rows(from: candidates, over: space, dtype: .float64, device: .cpu)
  }

  /// One τ, or one for each candidate.
  func solve(_ temperature: Temperature) throws -> [Double] {
    switch temperature {
    case .value(let tau):
      guard tau >= 0 else {
        throw ObjectiveError("temperature", "τ = \(tau)", remedy: "τ is 0 or above; 2 suits digits, 0 is one-hot.")
      }
      return [tau]
    case .labelSmoothing(let epsilon):
      guard epsilon >= 0, epsilon < 1 else {
        throw ObjectiveError("label smoothing", "ε = \(epsilon)", remedy: "Give ε from 0 up to, not including, 1.")
      }
      return [epsilon == 0 ? 0 : Temperature.labelSmoothingTemperature(epsilon, candidates: space.count)]
    case .perplexity(let k):
      let every = max(1, (space.count + ResolvedTarget.sampledRows - 1) / ResolvedTarget.sampledRows)
      let isLarge = space.count > ResolvedTarget.largestTable
      let sample = Array(stride(from: 0, to: space.count, by: isLarge ? every : 1))
      return try bisect(rows(sample), to: k) { $0.mean(0, keepDim: true) }
    case .rowPerplexity(let k):
      guard space.count <= ResolvedTarget.largestTable else {
        throw ObjectiveError(
          "temperature", "a perplexity for each of \(space.count) targets", remedy: "Ask for the mean perplexity.")
      }
      return try bisect(rows(Array(0..<space.count)), to: k) { $0 }
    }
  }

  /// Solves `reduce(perplexities(τ)) = k`, all rows at once, by halving an interval of log τ that ends where targets
  /// are one-hot and where they are uniform to the last bit.
  private func bisect(_ distances: Tensor, to k: Double, _ reduce: (Tensor) -> Tensor) throws -> [Double] {
    try noGrad {
      let base = space.logBase
      func reached(_ temperature: Tensor) -> Tensor {
        reduce(perplexities(logTarget(distances, logBase: base, temperature: temperature.unsqueeze(1))))
      }
      let one = reached(Tensor([1.0])).onesLike()
      let least = try reached(one * 0.0).values(of: Double.self)
      let most = try reached(one * .infinity).values(of: Double.self)
      for (row, (least, most)) in zip(least, most).enumerated() where !(k > least + 1e-9 && k < most - 1e-9) {
        let whose = one.count > 1 ? " of target \(row)" : ""
        throw ObjectiveError(
          "temperature", "perplexity \(k)\(whose) cannot be reached over space \(space.name)",
          remedy: "Give one above \(least) and below \(most).")
      }
      let positive = Tensor.select(distances .> 0, distances, .infinity)
      var low = one * Foundation.log(positive.min().item() * 1e-4)
      var high = one * Foundation.log(distances.max().item() * 1e16)
      for _ in 0..<64 {
        let middle = (low + high) / 2.0
        let isTooFlat = reached(middle.exp()) .> k
        (low, high) = (Tensor.select(isTooFlat, low, middle), Tensor.select(isTooFlat, middle, high))
      }
      return try ((low + high) / 2.0).exp().values(of: Double.self)
    }
  }
}
