// SPDX-License-Identifier: Apache-2.0
import Foundation
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
  /// Angles of tokens that have a position on each of several axes (``RotaryAxes``): `[A, …, T]` → `[…, T, D/2]`. By
  /// default the first axis alone counts.
  func angles(along positions: Tensor, dtype: DType) -> RotaryEmbedding.Angles
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
  /// Those of the first axis.
  public func angles(along positions: Tensor, dtype: DType) -> RotaryEmbedding.Angles {
    angles(at: positions.select(0, 0), length: nil, dtype: dtype)
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
    /// θ grows with the sequence once that is longer than the context (NTK-aware scaling).
    case dynamic(factor: Double, contextLength: Int)
    /// YaRN (Peng et al. 2023, arXiv 2309.00071): frequencies that turn less than `slow` times in `originalLength`
    /// tokens are divided by `factor`, those that turn more than `fast` times kept, those between blended; the ends of
    /// that stretch are whole numbers if `truncates`. Cosines and sines times `attention`.
    case yarn(factor: Double, fast: Double, slow: Double, originalLength: Int, truncates: Bool, attention: Double)
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
  private let width: Int, theta: Double, scaling: Scaling
  private let axes: RotaryAxes?
  private let powers: Tensor  // θ^(2i/D), [D/2], float32, on the CPU
  private let frequencies: Tensor  // of sequences up to ``switchingLength``
  private var tables: [Place: Angles] = [:]

  /// - Parameters:
  ///   - width: D, the coordinates of a head that are turned; even.
  ///   - theta: base of the geometric series of frequencies.
  ///   - scaling: see ``Scaling``.
  ///   - axes: which position turns each pair where tokens have several; nil: they have one.
  public init(width: Int, theta: Double, scaling: Scaling = .none, axes: RotaryAxes? = nil) {
    precondition(width > 0 && width % 2 == 0, "rotary embedding of an odd width \(width)")
    precondition(axes.map { $0.axisOfPair.count == width / 2 } ?? true, "axes of another number of pairs")
    if case .longrope(let short, let long, _, _) = scaling {
      precondition(short.count == width / 2 && long.count == width / 2, "\(short.count) factors, width \(width)")
    }
    (self.width, self.theta, self.scaling, self.axes) = (width, theta, scaling, axes)
    powers = Self.powers(width, theta)
    frequencies = scaling.frequencies(powers, theta: theta)
  }

  /// Longest sequence that LongRoPE turns by its short factors, and dynamic scaling by those of the context; nil for
  /// other scalings.
  public var switchingLength: Int? {
    switch scaling {
    case .longrope(_, _, let length, _), .dynamic(_, let length): length
    default: nil
    }
  }

  /// Angles of the positions `start ..< start + count`, `[count, D/2]`, from a table that grows when it has to.
  public func angles(from start: Int, count: Int, length: Int?, dtype: DType, device: Device) -> Angles {
    let end = start + count, whole = length ?? end, isLong = isLong(whole)
    if isLong, case .dynamic = scaling {  // other angles at every length
      let positions = Tensor.arange(Double(start), Double(end), dtype: .int64, device: device)
      return angles(at: positions, frequencies(ofLength: whole), dtype)
    }
    let place = Place(dtype: dtype, device: device, isLong: isLong)
    var table: Angles
    if let known = tables[place], known.cos.size(0) >= end {
      table = known
    } else {
      let rows = max(end, 256, 2 * (tables[place]?.cos.size(0) ?? 0))
      let positions = Tensor.arange(0, Double(rows), dtype: .int64, device: device)
      table = angles(at: positions, frequencies(ofLength: whole), dtype)
      if !Torch.hasFailed { tables[place] = table }
    }
    return Angles(cos: table.cos.narrow(0, start, count), sin: table.sin.narrow(0, start, count))
  }

  /// Angles of any positions: `[…, T]` → `[…, T, D/2]`.
  public func angles(at positions: Tensor, length: Int?, dtype: DType) -> Angles {
    let whole = switchingLength == nil ? 0 : length ?? positions.max().intItem() + 1
    return angles(at: positions, frequencies(ofLength: whole), dtype)
  }

  /// Angles of tokens with three positions, `[3, B, T]` → `[B, T, D/2]`, each pair turned by that of its axis.
  public func angles(along positions: Tensor, dtype: DType) -> Angles {
    guard let axes else { return angles(at: positions.select(0, 0), length: nil, dtype: dtype) }
    torchPrecondition(switchingLength == nil, "several axes and angles that change with a sequence's length")
    let index = Tensor(axes.axisOfPair.map(Int64.init), device: positions.device)
    return angles(ofPairs: positions.indexSelect(0, index).permute([1, 2, 0]).contiguous(), frequencies, dtype)
  }

  private func angles(at positions: Tensor, _ frequencies: Tensor, _ dtype: DType) -> Angles {
    angles(ofPairs: positions.unsqueeze(-1), frequencies, dtype)
  }

  /// - Parameter positions: `[…, T, D/2]`, or `[…, T, 1]` where all pairs have the same.
  private func angles(ofPairs positions: Tensor, _ frequencies: Tensor, _ dtype: DType) -> Angles {
    noGrad {
      let angles = positions.to(.float32) * frequencies.to(positions.device)
      let (cos, sin) = (angles.cos(), angles.sin()), factor = scaling.attention
      if factor == 1 { return Angles(cos: cos.to(dtype), sin: sin.to(dtype)) }
      return Angles(cos: (cos * factor).to(dtype), sin: (sin * factor).to(dtype))
    }
  }

  private func isLong(_ length: Int) -> Bool { switchingLength.map { length > $0 } ?? false }

  /// Those of sequences of so many tokens, `[D/2]`.
  private func frequencies(ofLength length: Int) -> Tensor {
    guard isLong(length) else { return frequencies }
    switch scaling {
    case .longrope(_, let long, _, _): return noGrad { (Tensor(long.map(Float.init)) * powers).reciprocal() }
    case .dynamic(let factor, let context):
      let stretch = factor * Double(length) / Double(context) - (factor - 1)
      let grown = theta * pow(stretch, Double(width) / Double(width - 2))
      return noGrad { Self.powers(width, grown).reciprocal() }
    default: return frequencies
    }
  }

  private static func powers(_ width: Int, _ theta: Double) -> Tensor {
    (Tensor.arange(0, Double(width), 2) / Double(width)).power(ofBase: theta)
  }
}

extension RotaryEmbedding.Scaling {
  /// Factor of cosines and sines.
  var attention: Double {
    switch self {
    case .yarn(_, _, _, _, _, let attention), .longrope(_, _, _, let attention): attention
    default: 1
    }
  }

  /// Scaled frequencies `[D/2]` from θ^(2i/D); of longrope and dynamic scaling those of short sequences.
  fileprivate func frequencies(_ powers: Tensor, theta: Double) -> Tensor {
    let frequencies = powers.reciprocal()
    switch self {
    case .none, .dynamic: return frequencies
    case .longrope(let short, _, _, _): return (Tensor(short.map(Float.init)) * powers).reciprocal()
    case .linear(let factor): return frequencies / factor
    case .yarn(let factor, let fast, let slow, let length, let truncates, _):
      let kept = 1 - Self.ramp(powers.size(0), theta, (fast, slow), length, truncates)
      return (powers * factor).reciprocal() * (1 - kept) + frequencies * kept
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

  /// 0 up to the frequency that turns `turns.fast` times in `length` tokens, 1 from the one that turns `turns.slow`
  /// times on: `[D/2]`.
  private static func ramp(
    _ count: Int, _ theta: Double, _ turns: (fast: Double, slow: Double), _ length: Int, _ truncates: Bool
  ) -> Tensor {
    func place(_ turns: Double) -> Double {
      Double(2 * count) * log(Double(length) / (turns * 2 * .pi)) / (2 * log(theta))
    }
    var (low, high) = (place(turns.fast), place(turns.slow))
    if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
    (low, high) = (max(low, 0), min(high, Double(2 * count - 1)))
    if low == high { high += 0.001 }
    return ((Tensor.arange(0, Double(count)) - low) / (high - low)).clamp(0, 1)
  }
}
