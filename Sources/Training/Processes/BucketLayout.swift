// SPDX-License-Identifier: Apache-2.0
import Torch

/// How trained parameters lie in a few flat vectors, each of which is summed over processes at once, and of each of which
/// every process has an equal share.
///
/// Parameters are laid out from the last to the first, which is about the order in which backward completes their
/// gradients. Shares are of elements, not of whole parameters: they stay equal however large an embedding table is. A
/// parameter begins at a multiple of ``block`` elements, and so does a share, so what is computed by blocks (the 8-bit
/// moments, the vector instructions of an update) is the same in parts as in the whole, bit for bit.
struct BucketLayout {
  /// Elements of a block: that of ``DynamicCodes``.
  static let block = DynamicCodes.block

  /// Where a parameter is.
  struct Place {
    var bucket: Int
    /// Its first element there, and their number.
    var start: Int, count: Int
    var shape: [Int]
  }

  struct Bucket {
    /// Type of its parameters.
    var dtype: DType
    /// Places of its parameters.
    var parameters: [Int]
    /// Elements, with what lies between parameters: a multiple of the number of processes.
    var count: Int

    /// Type of their gradients' sums: adding many small numbers to one of 8 bits loses most of them.
    var gradientType: DType { dtype.size < 4 ? .float32 : dtype }
  }

  let buckets: [Bucket]
  /// By parameter.
  let places: [Place]
  /// Number of processes.
  let size: Int

  /// - Parameter bytes: of gradients in a bucket; a single larger one has a bucket to itself.
  init(_ parameters: [Tensor], bytes: Int, processes size: Int) {
    var buckets = [Bucket](), places = [Place?](repeating: nil, count: parameters.count)
    for index in parameters.indices.reversed() {
      let parameter = parameters[index], count = Self.rounded(parameter.count, to: Self.block)
      let fits = buckets.last.map {
        $0.dtype == parameter.dtype && ($0.count + count) * $0.gradientType.size <= bytes
      }
      if fits != true { buckets.append(Bucket(dtype: parameter.dtype, parameters: [], count: 0)) }
      let last = buckets.count - 1
      places[index] = Place(
        bucket: last, start: buckets[last].count, count: parameter.count, shape: parameter.shape)
      buckets[last].parameters.append(index)
      buckets[last].count += count
    }
    for index in buckets.indices {
      buckets[index].count = Self.rounded(buckets[index].count, to: Self.block * size)
    }
    (self.buckets, self.places, self.size) = (buckets, places.compactMap { $0 }, size)
  }

  /// Elements of a bucket that are a process's.
  func share(of bucket: Int, rank: Int) -> Range<Int> {
    let count = buckets[bucket].count / size
    return rank * count..<(rank + 1) * count
  }

  /// What a process has of the parameters, in their order: of each a stretch, or nothing.
  func parts(rank: Int) -> [ParameterPart] {
    places.enumerated().compactMap { index, place in
      let range = share(of: place.bucket, rank: rank).clamped(to: place.start..<place.start + place.count)
      guard !range.isEmpty else { return nil }
      return ParameterPart(parameter: index, range: range.lowerBound - place.start..<range.upperBound - place.start)
    }
  }

  /// A parameter in a bucket's memory, in its own shape.
  func view(of parameter: Int, in flats: [Tensor]) -> Tensor {
    let place = places[parameter]
    return flats[place.bucket].narrow(0, place.start, place.count).view(place.shape)
  }

  /// A part of a parameter in a bucket's memory, `[elements]`.
  func view(of part: ParameterPart, in flats: [Tensor]) -> Tensor {
    let place = places[part.parameter]
    return flats[place.bucket].narrow(0, place.start + part.range.lowerBound, part.range.count)
  }

  /// A part of a parameter that is a process's, `[elements]`, in its shares of the buckets.
  func view(of part: ParameterPart, inShares shares: [Tensor], rank: Int) -> Tensor {
    let place = places[part.parameter]
    let start = place.start + part.range.lowerBound - share(of: place.bucket, rank: rank).lowerBound
    return shares[place.bucket].narrow(0, start, part.range.count)
  }

  private static func rounded(_ count: Int, to unit: Int) -> Int { (count + unit - 1) / unit * unit }
}
