// SPDX-License-Identifier: Apache-2.0
/// Figures printed in the paper.
enum PaperImages {
  /// Table 4.
  static let table: [(size: String, objective: String, epochs: Int, fid: Double, score: Double)] = [
    ("111M", "sft", 50, 10.03, 116.37), ("111M", "dist", 50, 9.41, 127.44),
    ("111M", "sft", 300, 6.44, 157.17), ("111M", "dist", 300, 6.27, 164.32),
    ("343M", "sft", 50, 4.24, 206.74), ("343M", "dist", 50, 4.18, 209.41),
    ("343M", "sft", 300, 3.08, 256.07), ("343M", "dist", 300, 3.04, 258.19),
  ]
}
