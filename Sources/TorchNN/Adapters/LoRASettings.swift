// SPDX-License-Identifier: Apache-2.0
import Files

/// Settings of a low-rank adapter (Hu et al. 2021, arXiv 2106.09685): y = x Wᵀ + b + scale · dropout(x) Aᵀ Bᵀ, with W
/// and b frozen. The names in `adapter_config.json` are PEFT's.
public struct LoRASettings: Sendable, Hashable, Codable {
  /// Width r of the bottleneck (`r`).
  public var rank: Int
  /// α, the numerator of ``scale`` (`lora_alpha`).
  public var alpha: Double
  /// Probability that an element of the adapter's input is zeroed while training (`lora_dropout`).
  public var dropout: Double
  /// Names of the linear layers to adapt (`target_modules`), each the end of a full name: `q_proj`, or
  /// `layers.0.self_attn.q_proj`. ``allLinear`` stands for every one but the head.
  public var targets: [String]
  /// Whether the scale is α/√r (Kalajdzievski 2023, `use_rslora`) instead of α/r.
  public var isRankStabilized: Bool
  /// Folder or name of the model that is adapted, for programs that open the adapter (`base_model_name_or_path`).
  public var base: String?

  /// Value of ``targets`` for every linear layer but the head.
  public static let allLinear = "all-linear"

  /// Memberwise. The defaults are PEFT's.
  public init(
    rank: Int = 8, alpha: Double = 8, dropout: Double = 0, targets: [String] = ["q_proj", "v_proj"],
    isRankStabilized: Bool = false, base: String? = nil
  ) {
    (self.rank, self.alpha, self.dropout) = (rank, alpha, dropout)
    (self.targets, self.isRankStabilized) = (targets, isRankStabilized)
    self.base = base
  }

  /// Factor of the adapter's product.
  public var scale: Double { alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank)) }

  /// Whether a layer of this full name is meant, as PEFT decides it.
  func selects(_ name: String) -> Bool {
    targets.contains { $0 == Self.allLinear || name == $0 || name.hasSuffix("." + $0) }
  }

  /// Throws unless every number can be meant.
  func check(path: String) throws(InputError) {
    func refuse(_ key: String, _ expected: String, _ found: String) -> InputError {
      InputError(path: path, place: key, expected: expected, found: found)
    }
    guard rank > 0 else { throw refuse("rank", "a whole number from 1 on", "\(rank)") }
    guard alpha.isFinite, alpha > 0 else { throw refuse("alpha", "a number above 0", "\(alpha)") }
    guard dropout >= 0, dropout < 1 else { throw refuse("dropout", "a number from 0 to below 1", "\(dropout)") }
    guard !targets.isEmpty else { throw refuse("targets", "names of linear layers", "none") }
  }
}
