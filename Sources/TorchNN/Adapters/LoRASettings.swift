// SPDX-License-Identifier: Apache-2.0
import Files

/// Settings of a low-rank adapter (Hu et al. 2021, arXiv 2106.09685): y = x Wᵀ + b + scale · dropout(x) Aᵀ Bᵀ, with W
/// and b frozen. The names in `adapter_config.json` are PEFT's.
public struct LoRASettings: Sendable, Hashable, Codable {
  /// Width r of the bottleneck (`r`).
  public var rank: Int
  /// α, the numerator of ``scale(of:)`` (`lora_alpha`).
  public var alpha: Double
  /// Probability that an element of the adapter's input is zeroed while training (`lora_dropout`).
  public var dropout: Double
  /// Names of the linear layers to adapt (`target_modules`), each the end of a full name: `q_proj`, or
  /// `layers.0.self_attn.q_proj`. ``allLinear`` stands for every one but the head.
  public var targets: [String]
  /// Names of layers that are not adapted though ``targets`` mean them (`exclude_modules`).
  public var exclude: [String]
  /// Whether the scale is α/√r (Kalajdzievski 2023, `use_rslora`) instead of α/r.
  public var isRankStabilized: Bool
  /// Whether the norm of each output's weights is trained apart from their direction (`use_dora`; Liu et al. 2024, arXiv
  /// 2402.09353): y = m / ‖W + scale · B A‖ · x (W + scale · B A)ᵀ + b.
  public var decomposesWeights: Bool
  /// Ranks of layers that have another one (`rank_pattern`).
  public var rankPattern: LayerPattern<Int>
  /// α of layers that have another one (`alpha_pattern`).
  public var alphaPattern: LayerPattern<Double>
  /// Names of modules that are trained whole, and saved, beside the adapters (`modules_to_save`), each the end of a full
  /// name; ``embeddings`` and ``head`` stand for those, whatever the model calls them.
  public var modulesToSave: [String]
  /// Folder or name of the model that is adapted, for programs that open the adapter (`base_model_name_or_path`).
  public var base: String?

  /// Value of ``targets`` for every linear layer but the head.
  public static let allLinear = "all-linear"
  /// Value of ``modulesToSave`` for the table of token embeddings.
  public static let embeddings = "embeddings"
  /// Value of ``modulesToSave`` for the last projection; where it is the table of embeddings, for that.
  public static let head = "head"

  /// Memberwise. The defaults are PEFT's.
  public init(
    rank: Int = 8, alpha: Double = 8, dropout: Double = 0, targets: [String] = ["q_proj", "v_proj"],
    exclude: [String] = [], isRankStabilized: Bool = false, decomposesWeights: Bool = false,
    rankPattern: LayerPattern<Int> = [:], alphaPattern: LayerPattern<Double> = [:], modulesToSave: [String] = [],
    base: String? = nil
  ) {
    (self.rank, self.alpha, self.dropout) = (rank, alpha, dropout)
    (self.targets, self.exclude, self.isRankStabilized) = (targets, exclude, isRankStabilized)
    self.decomposesWeights = decomposesWeights
    (self.rankPattern, self.alphaPattern) = (rankPattern, alphaPattern)
    self.modulesToSave = modulesToSave
    self.base = base
  }

  /// Rank of a layer's adapter.
  public func rank(of layer: String) -> Int { rankPattern.value(of: layer) ?? rank }

  /// Factor of the product of a layer's adapter.
  public func scale(of layer: String) -> Double {
    let rank = Double(rank(of: layer)), alpha = alphaPattern.value(of: layer) ?? alpha
    return alpha / (isRankStabilized ? rank.squareRoot() : rank)
  }

  /// The largest rank of any adapter.
  var largestRank: Int { rankPattern.entries.map(\.value).reduce(rank, max) }

  /// Whether ``targets`` mean a layer of this full name, as PEFT decides it.
  func targets(_ name: String) -> Bool { targets.contains { $0 == Self.allLinear || LayerName.matches($0, name) } }

  /// Whether a layer of this full name is adapted; ``modulesToSave`` are full names by now.
  func selects(_ name: String) -> Bool {
    targets(name) && !exclude.contains { LayerName.matches($0, name) }
      && !modulesToSave.contains { LayerName.isWithin(name, $0) }
  }

  /// Throws unless every number can be meant.
  ///
  /// - Parameter place: the name of a setting where it was read.
  func check(path: String, place: (String) -> String) throws(InputError) {
    func refuse(_ key: String, _ expected: String, _ found: String) -> InputError {
      InputError(path: path, place: place(key), expected: expected, found: found)
    }
    guard rank > 0 else { throw refuse("rank", "a whole number from 1 on", "\(rank)") }
    guard alpha.isFinite, alpha > 0 else { throw refuse("alpha", "a number above 0", "\(alpha)") }
    for entry in rankPattern.entries where entry.value < 1 {
      throw refuse("rankPattern", "whole numbers from 1 on", "\(entry.value) for \(entry.name)")
    }
    for entry in alphaPattern.entries where !(entry.value.isFinite && entry.value > 0) {
      throw refuse("alphaPattern", "numbers above 0", "\(entry.value) for \(entry.name)")
    }
    guard dropout >= 0, dropout < 1 else { throw refuse("dropout", "a number from 0 to below 1", "\(dropout)") }
    guard !targets.isEmpty else { throw refuse("targets", "names of linear layers", "none") }
  }
}
