// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Precision and recall of generated images (Kynkäänniemi et al. 2019).
///
/// The images of a set are taken to cover the balls around each that reach to its k-th nearest neighbour in the set.
/// Precision is the share of generated images that real ones cover, recall the share of real images that generated
/// ones cover.
public struct NeighbourhoodMetrics: Sendable, Hashable {
  /// Share of generated images within the balls of real ones.
  public let precision: Double
  /// Share of real images within the balls of generated ones.
  public let recall: Double

  /// Compares features.
  ///
  /// - Parameters:
  ///   - real: `[N, D]`.
  ///   - generated: `[M, D]`.
  ///   - neighbours: k, 3 in the paper; both sets hold more images.
  public init(real: Tensor, generated: Tensor, neighbours: Int = 3) {
    precondition(
      neighbours > 0 && real.size(0) > neighbours && generated.size(0) > neighbours,
      "\(neighbours) neighbours among \(real.size(0)) and \(generated.size(0))")
    (precision, recall) = noGrad {
      let (a, b) = (FeatureCloud(real, neighbours), FeatureCloud(generated, neighbours))
      return (a.coverage(of: b), b.coverage(of: a))
    }
  }
}

/// Features, and how far each reaches.
private struct FeatureCloud {
  let points: Tensor  // [N, D] float64
  let squares: Tensor  // [N], squared lengths
  let radii: Tensor  // [N], squared

  init(_ features: Tensor, _ neighbours: Int) {
    let points = features.to(.float64)
    let squares = points.square().sum(1)
    // The nearest of all is the point itself.
    let radii = Self.pieces(points, squares, points, squares) { $0.smallest(neighbours + 1).select(1, neighbours) }
    (self.points, self.squares, self.radii) = (points, squares, Tensor.cat(radii))
  }

  /// Share of the other points that lie within the radius of at least one of these.
  func coverage(of other: FeatureCloud) -> Double {
    let counts = Self.pieces(other.points, other.squares, points, squares) { distances in
      (distances .<= radii).to(.float32).max(1).sum().item()
    }
    return counts.reduce(0, +) / Double(other.points.size(0))
  }

  /// Squared distances of rows of `a` from all of `b`, some rows at a time.
  private static func pieces<Result>(
    _ a: Tensor, _ aSquares: Tensor, _ b: Tensor, _ bSquares: Tensor, _ use: (Tensor) -> Result
  ) -> [Result] {
    let rows = Swift.max(1, (1 << 23) / b.size(0))
    return stride(from: 0, to: a.size(0), by: rows).map { start in
      let length = Swift.min(rows, a.size(0) - start)
      let scale = aSquares.narrow(0, start, length).unsqueeze(1) + bSquares
      let distances = scale - a.narrow(0, start, length).mm(b.transpose(0, 1)) * 2
      // Less than rounding can tell apart is 0, so that equal images are 0 apart.
      return use(Tensor.select(distances .> scale * 1e-13, distances, distances.zerosLike()))
    }
  }
}
