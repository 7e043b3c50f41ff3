// SPDX-License-Identifier: Apache-2.0
/// Figures of the paper for reward models, per cent.
enum PaperRewards {
  /// RewardBench's average (Table 3, Table 12) by variant; single runs of Llama-3.1-8B.
  static let average: [String: Double] = ["bradleyTerry": 58.0, "sft": 75.3, "dist": 85.3, "random": 76.0]
  /// Table 6: accuracy by α. The paper's text calls this robust; from 0.1 to 0.2 it falls by 7.5 points.
  static let byAlpha: [(alpha: Double, accuracy: Double)] = [
    (1, 77.3), (0.2, 77.8), (0.1, 85.3), (0.02, 80.7), (0.01, 79.9), (0.005, 76.7), (0.001, 75.6),
  ]
  /// Table 7: MMLU accuracy before and after training.
  static let mmlu: [String: Double] = ["untrained": 44.5, "sft": 42.8, "dist": 43.9]
}
