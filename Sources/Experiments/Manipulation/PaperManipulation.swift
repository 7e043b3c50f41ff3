// SPDX-License-Identifier: Apache-2.0
import Recipes
import Objectives
import Tabletop

/// Table 2, per cent of episodes solved in VIMABench: single runs of LLaVA-1.5-7B at 1K, 10K and 100K (LLaRA's 0.8k, 8k
/// and 80k).
enum PaperManipulation {
  static let sizes = ["1K", "10K", "100K"]
  private static let placement: [Preset: [Double]] = [
    .sft: [49.6, 82.3, 88.5], .vocab: [50.8, 81.0, 87.0], .dist: [53.9, 83.4, 89.5],
  ]
  private static let combination: [Preset: [Double]] = [
    .sft: [46.2, 78.1, 84.6], .vocab: [44.6, 77.2, 83.5], .dist: [51.5, 82.8, 86.1],
  ]

  /// Success at the three sizes; nil for what the paper does not report.
  static func success(_ preset: Preset, _ level: EpisodeSplit) -> [Double]? {
    (level == .placement ? placement : combination)[preset]
  }
}
