// SPDX-License-Identifier: Apache-2.0
import Files
import Recipes
import Reports

/// How noisy a step's gradient is: targets at single tokens against a reward of the whole number (appendix A.1, K19).
///
/// A small decoder learns noisy numbers by cross entropy for a while. Then, its weights held, the gradients of many
/// batches are taken for every variant, and the share of them that all batches agree on is measured.
public struct GradientExperiment: Experiment {
  /// `gradients`, as `dist2 reproduce` and its processes name it.
  public static let name = "gradients"

  /// Variants, digits of the numbers, and seeds of weights, examples and draws.
  public var grid = Grid(
    GradientVariant.allCases.map(\.rawValue),
    by: [Grid.Factor("digits", "digits of a number", [1, 2, 3, 5], in: 1...6)],
    seeds: Array(1...5))
  /// Steps of cross entropy before gradients are compared, 32 examples each.
  public var warmup = 200
  /// Gradients of each run.
  public var batches = 256
  /// Examples of each gradient.
  public var batch = 32

  /// The settings as documented.
  public init() {}

  /// Names of all variants.
  public var variants: [String] { GradientVariant.allCases.map(\.rawValue) }

  /// Checks what a user can set beyond the grid.
  ///
  /// - Throws: `InputError` naming the option.
  public func check() throws {
    try require((1...100_000).contains(warmup), "--warmup", "1…100,000 steps", warmup)
    try require((2...100_000).contains(batches), "--batches", "2…100,000 gradients", batches)
  }

  /// Steps and gradients.
  public func work(_ run: GridRun) -> Int? { warmup + batches }

  /// Trains for a while, then measures.
  public func run(_ run: GridRun, _ context: RunContext) throws -> GradientOutcome {
    try GradientRun(self, run, context).outcome()
  }

  /// Tables, a figure and the claim.
  public func report(
    _ results: Results<GradientOutcome>, _ artifacts: [String: NoArtifact]
  ) throws -> ExperimentReport { GradientFindings(settings: self, results: results).report }
}

/// What a gradient is taken of; no variant has cross entropy in it.
enum GradientVariant: String, CaseIterable {
  /// KL(p_d ‖ p_θ) at every digit.
  case dist
  /// KL(p_θ ‖ p_d) at every digit, in closed form.
  case distReverse
  /// The same from one sampled digit each: a reward a token.
  case policyGradient
  /// REINFORCE: a number is drawn whole and its reward is −|number − right number|, less the mean of the batch's others.
  case sequence

  var description: String {
    switch self {
    case .dist: "target at every digit, KL(p_d ‖ p_θ)"
    case .distReverse: "target at every digit, KL(p_θ ‖ p_d)"
    case .policyGradient: "a drawn digit each, its own reward"
    case .sequence: "a number drawn whole, one reward"
    }
  }
}

/// Outcome of a run.
public struct GradientOutcome: Codable, Sendable, Equatable {
  /// |E g|² / E|g|², estimated without bias for the numerator: 1 where all batches have the same gradient, 0 where
  /// nothing is common to them. Slightly below 0 by chance.
  public var signalShare: Double
  /// E|g|²
  public var squaredNorm: Double

  /// Of the gradients of several batches.
  ///
  /// - Parameters:
  ///   - squaredSum: |Σ g|²
  ///   - sumOfSquares: Σ |g|²
  ///   - count: how many.
  public init(squaredSum: Double, sumOfSquares: Double, count: Int) {
    let n = Double(count)
    squaredNorm = sumOfSquares / n
    // Mean of g_r · g_s over pairs of different batches.
    signalShare = (squaredSum - sumOfSquares) / (n * (n - 1)) / squaredNorm
  }

  /// Noise over signal: (E|g|² − |E g|²) / |E g|².
  public var noiseToSignal: Double { 1 / signalShare - 1 }
}
