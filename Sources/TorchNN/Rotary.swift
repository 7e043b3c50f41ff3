// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Something that knows by which angles the queries and keys at a position are turned.
public protocol RotaryAngles {
  /// Angles of the positions `start ..< start + count`, `[count, D/2]`.
  ///
  /// - Parameter length: tokens of the whole sequence, where they decide about the angles; nil: those up to the last
  ///   position.
  func angles(from start: Int, count: Int, length: Int?, dtype: DType, device: Device) -> RotaryEmbedding.Angles
  /// Angles of any positions: `[…, T]` → `[…, T, D/2]`.
  ///
  /// - Parameter length: as above.
  func angles(at positions: Tensor, length: Int?, dtype: DType) -> RotaryEmbedding.Angles
  /// Sequences of more tokens than this have other angles than shorter ones, at every position; nil: all have the same.
  var switchingLength: Int? { get }
}

extension RotaryAngles {
  /// None: sequences of any length have the same angles.
  public var switchingLength: Int? { nil }
  /// Angles of the positions `start ..< start + count`, `[count, D/2]`, of a sequence that ends there.
  public func angles(from start: Int, count: Int, dtype: DType, device: Device) -> RotaryEmbedding.Angles {
    angles(from: start, count: count, length: nil, dtype: dtype, device: device)
  }
  /// Angles of any positions of sequences that end with the last of them: `[…, T]` → `[…, T, D/2]`.
  public func angles(at positions: Tensor, dtype: DType) -> RotaryEmbedding.Angles {
    angles(at: positions, length: nil, dtype: dtype)
  }
}

/// Rotary position embedding (Su et al. 2021, arXiv 2104.09864): turns each pair of coordinates of a query or key by
/// an angle proportional to its position. `rotated(query:key:cosine:sine:)` does the turning; coordinate i is
/// paired with i + D/2, the layout of Hugging Face checkpoints.
///
/// Frequencies and angles are computed in float32 with the operators, in the order, that transformers uses: at
/// position 8,000 one unit in a frequency's last place already moves an angle by 5·10⁻⁴.
public final class RotaryEmbedding: RotaryAngles {
  /// How the frequencies of a pretrained model were stretched to a longer context.
  public enum Scaling: Sendable, Hashable {
    /// θ^(−2i/D) as they are.
    case none
    /// All divided by `factor` (position interpolation).
    case linear(factor: Double)
    /// Llama 3.1: wavelengths above `originalLength / low` are stretched by `factor`, those below
    /// `originalLength / high` kept, those between interpolated.
    case llama3(factor: Double, low: Double, high: Double, originalLength: Int)
    /// LongRoPE (Ding et al. 2024, arXiv 2402.13753), Phi-3's "su": every frequency divided by a factor of its own, from
    /// `short` or, in sequences of more than `originalLength` tokens, from `long`; cosines and sines times `attention`.
    case longrope(short: [Double], long: [Double], originalLength: Int, attention: Double)
  }

  /// Cosines and sines of every angle, each `[…, T, D/2]`.
  public struct Angles {
    /// `[…, T, D/2]`
    public let cos: Tensor
    /// `[…, T, D/2]`
    public let sin: Tensor
  }

  /// A table made in inference mode must not reach a graph, so that mode has its own.
  private struct Place: Hashable {
    let dtype: DType, device: Device, isLong: Bool, inference = Torch.isInferenceMode
  }
  private let frequencies: Tensor  // [D/2], float32, on the CPU
  /// Those of sequences longer than a length, where they are others, and the factor of cosines and sines.
  private let long: (frequencies: Tensor, after: Int)?
  private let factor: Double
  private var tables: [Place: Angles] = [:]

  /// - Parameters:
  ///   - width: D, the width of a head; even.
  ///   - theta: base of the geometric series of frequencies.
  ///   - scaling: see ``Scaling``.
  public init(width: Int, theta: Double, scaling: Scaling = .none) {
    precondition(width > 0 && width % 2 == 0, "rotary embedding of an odd width \(width)")
    let exponents = Tensor.arange(0, Double(width), 2) / Double(width)
    let powers = exponents.power(ofBase: theta)
    if case .longrope(let short, let long, let originalLength, let attention) = scaling {
      precondition(short.count == width / 2 && long.count == width / 2, "\(short.count) factors, width \(width)")
      func stretched(_ factors: [Double]) -> Tensor { (Tensor(factors.map(Float.init)) * powers).reciprocal() }
      (frequencies, self.long, factor) = (stretched(short), (stretched(long), originalLength), attention)
    } else {
      (frequencies, long, factor) = (scaling.applied(to: powers.reciprocal()), nil, 1)
    }
  }

  /// Longest sequence that LongRoPE turns by its short factors; nil for other scalings.
  public var switchingLength: Int? { long?.after }

  /// Angles of the positions `start ..< start + count`, `[count, D/2]`, from a table that grows when it has to.
  public func angles(from start: Int, count: Int, length: Int?, dtype: DType, device: Device) -> Angles {
    let end = start + count, isLong = long.map { (length ?? end) > $0.after } ?? false
    let place = Place(dtype: dtype, device: device, isLong: isLong)
    var table: Angles
    if let known = tables[place], known.cos.size(0) >= end {
      table = known
    } else {
      let rows = max(end, 256, 2 * (tables[place]?.cos.size(0) ?? 0))
      table = angles(at: .arange(0, Double(rows), dtype: .int64, device: device), dtype: dtype, isLong: isLong)
      if !Torch.hasFailed { tables[place] = table }
    }
    return Angles(cos: table.cos.narrow(0, start, count), sin: table.sin.narrow(0, start, count))
  }

  /// Angles of any positions: `[…, T]` → `[…, T, D/2]`.
  public func angles(at positions: Tensor, length: Int?, dtype: DType) -> Angles {
    angles(
      at: positions, dtype: dtype,
      isLong: long.map { (length ?? positions.max().intItem() + 1) > $0.after } ?? false)
  }

  private func angles(at positions: Tensor, dtype: DType, isLong: Bool) -> Angles {
    noGrad {
      let chosen = isLong ? long?.frequencies ?? frequencies : frequencies
      let angles = positions.to(.float32).unsqueeze(-1) * chosen.to(positions.device)
      let (cos, sin) = (angles.cos(), angles.sin())
      if factor == 1 { return Angles(cos: cos.to(dtype), sin: sin.to(dtype)) }
      return Angles(cos: (cos * factor).to(dtype), sin: (sin * factor).to(dtype))
    }
  }
}

extension RotaryEmbedding.Scaling {
  /// Scaled frequencies `[D/2]`.
  fileprivate func applied(to frequencies: Tensor) -> Tensor {
    switch self {
    case .none, .longrope: return frequencies  // those of longrope are made as the model is
    case .linear(let factor): return frequencies / factor
    case .llama3(let factor, let low, let high, let originalLength):
      let length = Double(originalLength)
      let wavelengths = frequencies.reciprocal() * (2 * Double.pi)
      let stretched = Tensor.select(wavelengths .> (length / low), frequencies / factor, frequencies)
      let share = (length * wavelengths.reciprocal() - low) / (high - low)
      let blended = (1 - share) * stretched / factor + share * stretched
      let isBetween = (wavelengths .>= (length / high)).logicalAnd(wavelengths .<= (length / low))
      return Tensor.select(isBetween, blended, stretched)
    }
  }
}
