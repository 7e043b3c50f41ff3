// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Reports

extension StudySummary {
  /// The largest change in CRPS that is called none, as a share of sft's; stated before any run.
  private static let margin = 0.05

  /// K18: at the largest training size nothing is left of a target's advantage. Nil without made-up numbers of two sizes.
  func vanishingAdvantage(_ rule: Selection) -> JudgedClaim? {
    let numbers = problems.compactMap { problem -> NoisyNumbers? in
      if case .synthetic(let numbers) = problem { numbers } else { nil }
    }
    guard let most = numbers.map(\.count).max(), numbers.contains(where: { $0.count < most }) else { return nil }
    let largest = numbers.filter { $0.count == most }.map { StudyProblem.synthetic($0) }
    let common = settings.seeds.filter { seed in largest.allSatisfy { outcomes[$0.name]?[seed] != nil } }
    let tests = others.filter(\.isShown).map { variant in
      let ratios = common.map { ratio(.crps, variant, largest, seed: $0, rule) }
      return (
        variant.name,
        Equivalence("CRPS over sft's", ours: ratios, theirs: ratios.map { _ in 1 }, margin: Self.margin)
      )
    }
    return Claim(
      "K18", "The advantage vanishes with unlimited data.", equal: tests,
      remark: "At \(most) training examples, mean over \(largest.count) problems."
    )
    .judged
  }
}
