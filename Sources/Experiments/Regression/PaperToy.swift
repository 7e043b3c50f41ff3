// SPDX-License-Identifier: Apache-2.0
/// The paper's own numbers for the toy experiment, copied from its Tables 5 and 11.
public enum PaperToy {
  /// Mean and sample standard deviation of an error over seeds.
  public struct Entry: Sendable, Hashable {
    /// Mean absolute error.
    public var mae: (mean: Double, std: Double) { (numbers[0], numbers[1]) }
    /// Root mean squared error.
    public var rmse: (mean: Double, std: Double) { (numbers[2], numbers[3]) }
    private let numbers: [Double]
    init(_ maeMean: Double, _ maeStd: Double, _ rmseMean: Double, _ rmseStd: Double) {
      numbers = [maeMean, maeStd, rmseMean, rmseStd]
    }
  }

  /// Table 11: Llama-3.2-1B, five seeds, 1,000 test problems. Objective → N = 1 … 10.
  public static let table11: [String: [Entry]] = [
    "sft": [
      Entry(0.2, 0.039, 0.243, 0.05), Entry(0.182, 0.014, 0.221, 0.02), Entry(0.17, 0.039, 0.216, 0.056),
      Entry(0.152, 0.018, 0.2, 0.035), Entry(0.159, 0.03, 0.211, 0.042), Entry(0.144, 0.024, 0.185, 0.032),
      Entry(0.129, 0.011, 0.173, 0.02), Entry(0.119, 0.017, 0.154, 0.019), Entry(0.115, 0.012, 0.154, 0.022),
      Entry(0.113, 0.016, 0.154, 0.025),
    ],
    "vocab": [
      Entry(0.2, 0.039, 0.243, 0.05), Entry(0.157, 0.022, 0.202, 0.023), Entry(0.167, 0.031, 0.215, 0.05),
      Entry(0.127, 0.007, 0.166, 0.016), Entry(0.133, 0.006, 0.172, 0.009), Entry(0.122, 0.016, 0.162, 0.017),
      Entry(0.141, 0.034, 0.189, 0.046), Entry(0.122, 0.029, 0.164, 0.035), Entry(0.122, 0.014, 0.163, 0.023),
      Entry(0.111, 0.008, 0.151, 0.014),
    ],
    "dist": [
      Entry(0.21, 0.032, 0.259, 0.037), Entry(0.17, 0.006, 0.212, 0.008), Entry(0.147, 0.032, 0.198, 0.035),
      Entry(0.114, 0.017, 0.146, 0.022), Entry(0.122, 0.023, 0.165, 0.032), Entry(0.113, 0.018, 0.153, 0.021),
      Entry(0.104, 0.013, 0.148, 0.031), Entry(0.104, 0.035, 0.15, 0.081), Entry(0.112, 0.053, 0.163, 0.093),
      Entry(0.092, 0.017, 0.124, 0.026),
    ],
  ]

  /// Table 5: the ablation at N = 10, "over 10 random seeds" (its first and last rows equal Table 11's, which has five).
  public static let table5: [String: Entry] = [
    "dist": Entry(0.092, 0.017, 0.124, 0.026),
    "distWithoutPlace": Entry(0.098, 0.016, 0.137, 0.032),
    "distWithoutContrast": Entry(0.099, 0.015, 0.139, 0.020),
    "smooth": Entry(0.099, 0.016, 0.142, 0.035),
    "sft": Entry(0.113, 0.016, 0.154, 0.025),
  ]
}
