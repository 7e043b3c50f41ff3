// SPDX-License-Identifier: Apache-2.0
/// Logits made of what several models say: z(v) = Σ_k c_k·log π_k(v), and a contrast whose weight each token has for
/// itself. Models are named as an objective's reference models are.
public struct LogitMixture: Sendable, Hashable, Codable {
  /// One model's part.
  public struct Part: Sendable, Hashable, Codable {
    /// Its name.
    public var model: String
    /// c_k
    public var coefficient: Double

    /// Memberwise.
    public init(_ model: String, _ coefficient: Double = 1) { (self.model, self.coefficient) = (model, coefficient) }
  }

  /// w·(log π_towards − log π_from) more, with w = scale·Σ_v |π_towards − π_from| + least at each token (AlignDistil,
  /// Zhang et al. 2025, arXiv 2503.02832).
  public struct Contrast: Sendable, Hashable, Codable {
    /// The two models.
    public var towards: String, from: String
    /// Factor of their distance.
    public var scale: Double
    /// w where they say the same.
    public var least: Double

    /// Memberwise.
    public init(towards: String, from: String, scale: Double, least: Double = 1e-3) {
      (self.towards, self.from, self.scale, self.least) = (towards, from, scale, least)
    }
  }

  /// The models' parts.
  public var parts: [Part]
  /// The contrast; nil for none.
  public var contrast: Contrast?

  /// Memberwise.
  public init(_ parts: [Part], contrast: Contrast? = nil) { (self.parts, self.contrast) = (parts, contrast) }

  /// What one model says.
  public init(_ model: String) { self.init([Part(model)]) }

  /// Names of the models, each once.
  public var models: [String] {
    let all = parts.map(\.model) + (contrast.map { [$0.towards, $0.from] } ?? [])
    return all.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }
}
