public import Torch

/// Something that knows by which angles the queries and keys at a position are turned.
public protocol RotaryAngles {
  /// Angles of the positions `start ..< start + count`, `[count, D/2]`.
  func angles(from start: Int, count: Int, dtype: DType, device: Device) -> RotaryEmbedding.Angles
  /// Angles of any positions: `[…, T]` → `[…, T, D/2]`.
  func angles(at positions: Tensor, dtype: DType) -> RotaryEmbedding.Angles
}

/// Rotary position embedding (Su et al. 2021, arXiv 2104.09864): turns each pair of coordinates of a query or key by
/// an angle proportional to its position. ``Torch/rotated(query:key:cosine:sine:)`` does the turning; coordinate i is
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
    let dtype: DType, device: Device, inference = Torch.isInferenceMode
  }
  private let frequencies: Tensor  // [D/2], float32, on the CPU
  private var tables: [Place: Angles] = [:]

  /// - Parameters:
  ///   - width: D, the width of a head; even.
  ///   - theta: base of the geometric series of frequencies.
  ///   - scaling: see ``Scaling``.
  public init(width: Int, theta: Double, scaling: Scaling = .none) {
    precondition(width > 0 && width % 2 == 0, "rotary embedding of an odd width \(width)")
    let exponents = Tensor.arange(0, Double(width), 2) / Double(width)
    frequencies = scaling.applied(to: exponents.power(ofBase: theta).reciprocal())
  }

  /// Angles of the positions `start ..< start + count`, `[count, D/2]`, from a table that grows when it has to.
  public func angles(from start: Int, count: Int, dtype: DType, device: Device) -> Angles {
    let place = Place(dtype: dtype, device: device), end = start + count
    var table = tables[place]
    if (table?.cos.size(0) ?? 0) < end {
      let rows = max(end, 256, 2 * (table?.cos.size(0) ?? 0))
      table = angles(at: .arange(0, Double(rows), dtype: .int64, device: device), dtype: dtype)
      tables[place] = table
    }
    guard let table else { preconditionFailure("no rotary table") }
    return Angles(cos: table.cos.narrow(0, start, count), sin: table.sin.narrow(0, start, count))
  }

  /// Angles of any positions: `[…, T]` → `[…, T, D/2]`.
  public func angles(at positions: Tensor, dtype: DType) -> Angles {
    noGrad {
      let angles = positions.to(.float32).unsqueeze(-1) * frequencies.to(positions.device)
      return Angles(cos: angles.cos().to(dtype), sin: angles.sin().to(dtype))
    }
  }
}

extension RotaryEmbedding.Scaling {
  /// Scaled frequencies `[D/2]`.
  fileprivate func applied(to frequencies: Tensor) -> Tensor {
    switch self {
    case .none: return frequencies
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
