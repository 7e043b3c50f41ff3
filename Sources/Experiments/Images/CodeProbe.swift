// SPDX-License-Identifier: Apache-2.0
import Recipes
import MetricTokens
package import TokenModels
package import Torch
package import TorchNN

/// Changes of images whose four central codes are replaced by others (Fig. 4): by the nearest, by any, by the
/// farthest.
package struct CodeProbe {
  /// Where the new codes come from. A rank counts all other codes from the nearest, 1, to the farthest, V − 1.
  package enum Kind: String, CaseIterable, Sendable {
    /// One of the ten nearest, the original left out.
    case near
    /// Any other.
    case random
    /// One of the ten farthest.
    case far
  }

  /// How far an image moved.
  package struct Change: Sendable {
    /// Root of the mean squared difference of pixels, within −1 … 1.
    package var pixels: Double
    /// Distance of features, divided by their mean length.
    package var features: Double
  }

  let model: VQModel
  let network: any ImageFeatures
  /// `[N, h, w]`
  package let codes: Tensor
  private let seed: UInt64
  private let original: (pixels: Tensor, features: Tensor)
  /// Codes by distance from each code, itself left out: V rows of V − 1.
  private let ranked: [[Int64]]
  private let scale: Double

  /// - Parameter images: uint8 `[N, 1, H, W]`
  package init(_ model: VQModel, _ network: any ImageFeatures, images: Tensor, seed: UInt64) throws {
    (self.model, self.network, self.seed) = (model, network, seed)
    codes = try model.codes(of: images)
    let book = model.codeBook, count = book.size(0)
    let distances = try book.cdist(book).values(of: Float.self)
    ranked = (0..<count).map { code in
      let row = distances[code * count..<(code + 1) * count]
      return row.indices.sorted { (row[$0], $0) < (row[$1], $1) }.map { Int64($0 - row.startIndex) }
        .filter { $0 != Int64(code) }
    }
    original = try Self.seen(codes, model, network)
    scale = max(original.features.norm(1, keepDim: false).mean().item(), 1e-12)
  }

  /// Ranks there are: 1 … V − 1.
  var ranks: Int { ranked.count - 1 }

  /// The four central places of the grid.
  package var places: [Int] {
    let (rows, columns) = (codes.size(1), codes.size(2)), top = (rows - 2) / 2, left = (columns - 2) / 2
    return [0, 1].flatMap { row in [0, 1].map { (top + row) * columns + left + $0 } }
  }

  /// Codes `[N, h, w]` with new ones in the central places, drawn by rank.
  package func replaced(_ kind: Kind) -> Tensor {
    let nearest = min(10, ranks)
    return replaced { generator in
      switch kind {
      case .near: generator.next(below: nearest)
      case .random: generator.next(below: ranks)
      case .far: ranks - 1 - generator.next(below: nearest)
      }
    }
  }

  /// The same with the code of one rank in every place.
  func replaced(rank: Int) -> Tensor { replaced { _ in rank - 1 } }

  private func replaced(_ draw: (inout CounterGenerator) -> Int) -> Tensor {
    let (count, length) = (codes.size(0), codes.size(1) * codes.size(2))
    var values = codes.array(of: Int64.self)
    for image in 0..<count {
      var generator = CounterGenerator(seed, UInt64(image))
      for place in places {
        let index = image * length + place
        values[index] = ranked[Int(values[index])][draw(&generator)]
      }
    }
    return Tensor(values, shape: codes.shape)
  }

  /// How far each image is from what it is without replacement.
  package func changes(_ codes: Tensor) throws -> [Change] {
    let seen = try Self.seen(codes, model, network)
    let pixels = (seen.pixels - original.pixels).square().flatten(1).mean(1).sqrt().array(of: Float.self)
    let features = (seen.features - original.features).norm(1, keepDim: false).array(of: Float.self)
    return zip(pixels, features).map { Change(pixels: Double($0), features: Double($1) / scale) }
  }

  /// Pixels within −1 … 1 and features of decoded codes.
  private static func seen(
    _ codes: Tensor, _ model: VQModel, _ network: any ImageFeatures
  ) throws -> (pixels: Tensor, features: Tensor) {
    let images = try decodedImages(of: codes, model)
    return (ImagePixels.normalised(images), network.features(of: images).pooled)
  }
}
